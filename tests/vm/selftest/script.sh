# vm: modules=none smp=1
echo "streamed: $*"
printf 'no newline at the end'
exit 7
