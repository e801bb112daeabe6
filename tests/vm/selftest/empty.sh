# vm: modules=none
echo 'no test at all'
