// expect: export-name
#include <linux/module.h>

int dmr_a_name_that_somebody_made_much_too_long_to_be_of_any_use(void);
int dmr_a_name_that_somebody_made_much_too_long_to_be_of_any_use(void)
{
	return 1;
}
EXPORT_SYMBOL_GPL(dmr_a_name_that_somebody_made_much_too_long_to_be_of_any_use);
