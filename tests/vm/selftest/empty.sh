# vm: modules=none smp=1
echo 'no test at all'
