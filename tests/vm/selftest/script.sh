# vm: modules=none
echo "streamed: $*"
printf 'no newline at the end'
exit 7
