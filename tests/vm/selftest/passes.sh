# vm: drives=main:16M:scsi modules=none smp=1
# Everything as it should be, in three boots.
. "$VM_LIB"
good() { true; }
skipped() { skip 'not today'; }
case $PHASE in
1) test_case one good && next_phase ;;
2) test_case two skipped && power_cut ;;
3) test_case three good ;;
esac
