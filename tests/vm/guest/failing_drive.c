// SPDX-License-Identifier: GPL-2.0
// A SATA drive with bad sectors in its logs, for the real smartctl: no emulated drive has them. Loaded before it (LD_PRELOAD), this
// answers the ATA commands that smartctl sends to whatever device it has opened; how they are printed is smartctl's own.
//
//   SMART_SELFTEST=LBA SMART_ERROR=LBA SMART_DEFECT=LBA LD_PRELOAD=./failing_drive.so smartctl -d sat -x /dev/null
//
// Each LBA that is given stands in the logs of its kind, those of 28 and those of 48 bits alike. SMART_SECTORS: how large the drive is.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { sector = 512, pass_through_16 = 0x85, inquiry = 0x12 };
enum { identify = 0xec, smart = 0xb0, read_log_ext = 0x2f, read_dma = 0xc8, read_dma_ext = 0x25 };
enum { smart_data = 0xd0, smart_log = 0xd5, smart_status = 0xda };
enum { log_directory = 0, log_summary = 1, log_ext_error = 3, log_self_test = 6, log_ext_self_test = 7, log_defects = 0x0c };
enum { hours = 1234, read_failure = 0x79, extended_test = 2, uncorrectable = 0x40, failed = 0x51 };

static uint64_t given(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void word(uint8_t *page, int number, uint16_t value)
{
	put(page + 2 * number, value, 2);
}

// ATA keeps the two letters of a word the other way round.
static void text(uint8_t *page, int number, const char *words, int length)
{
	for (int i = 0; i < length; i++)
		page[2 * number + (i ^ 1)] = (uint8_t)(i < (int)strlen(words) ? words[i] : ' ');
}

static void seal(uint8_t *page)
{
	uint8_t sum = 0;

	for (int i = 0; i < sector - 1; i++)
		sum = (uint8_t)(sum + page[i]);
	page[sector - 1] = (uint8_t)-sum;
}

static void put_identity(uint8_t *page)
{
	const uint64_t sectors = given("SMART_SECTORS", UINT64_C(1) << 27);

	word(page, 0, 0x0040);
	text(page, 10, "0001", 20);
	text(page, 23, "1", 8);
	text(page, 27, "dm-remap failing drive", 40);
	word(page, 49, 0x0300);
	word(page, 53, 0x0006);
	put(page + 2 * 60, sectors < 0x0fffffff ? sectors : 0x0fffffff, 4);
	word(page, 80, 0x01f0);
	word(page, 82, 0x0001);
	word(page, 83, 0x4400);
	word(page, 84, 0x4023);
	word(page, 85, 0x0001);
	word(page, 86, 0x0400);
	word(page, 87, 0x4023);
	put(page + 2 * 100, sectors, 8);
	word(page, 106, 0x6003);
	word(page, 217, 7200);
}

static void put_smart_data(uint8_t *page)
{
	page[367] = 0x51;
	page[368] = 3;
	page[370] = 1;
	seal(page);
}

static void put_directory(uint8_t *page, int general)
{
	word(page, 0, 1);
	if (!general) {
		word(page, log_summary, 1);
		word(page, log_self_test, 1);
		return;
	}
	word(page, log_ext_error, 1);
	word(page, log_ext_self_test, 1);
	word(page, log_defects, 1);
}

static void put_summary_log(uint8_t *page, uint64_t lba)
{
	// Five commands, the last of which failed, and what came of it.
	uint8_t *error = page + 2 + 5 * 12;

	page[0] = page[1] = 1;
	error[-12 + 7] = read_dma;
	error[1] = uncorrectable;
	error[2] = 8;
	put(error + 3, lba, 3);
	error[6] = (uint8_t)(0xe0 | (lba >> 24 & 0xf));
	error[7] = failed;
	put(error + 28, hours, 2);
	put(page + 452, 1, 2);
	seal(page);
}

static void put_ext_error_log(uint8_t *page, uint64_t lba)
{
	uint8_t *error = page + 4 + 5 * 18;

	page[0] = 1;
	error[-18 + 12] = read_dma_ext;
	put(page + 2, 1, 2);
	error[1] = uncorrectable;
	error[2] = 8;
	for (int i = 0; i < 3; i++) {
		error[4 + 2 * i] = (uint8_t)(lba >> 8 * i);
		error[5 + 2 * i] = (uint8_t)(lba >> (24 + 8 * i));
	}
	error[10] = 0x40;
	error[11] = failed;
	put(error + 32, hours, 2);
	put(page + 500, 1, 2);
	seal(page);
}

static void put_self_test_log(uint8_t *page, uint64_t lba)
{
	word(page, 0, 1);
	page[2] = extended_test;
	page[3] = read_failure;
	put(page + 4, hours, 2);
	put(page + 7, lba, 4);
	page[508] = 1;
	seal(page);
}

static void put_ext_self_test_log(uint8_t *page, uint64_t lba)
{
	page[0] = 1;
	put(page + 2, 1, 2);
	page[4] = extended_test;
	page[5] = read_failure;
	put(page + 6, hours, 2);
	put(page + 9, lba, 6);
	seal(page);
}

static void put_defects_log(uint8_t *page, uint64_t lba)
{
	put(page, 1, 4);
	put(page + 16, hours, 4);
	put(page + 24, lba, 8);
}

static void put_log(uint8_t *page, int address, int general)
{
	static const struct {
		int address, general;
		const char *lba;
		void (*put)(uint8_t *page, uint64_t lba);
	} logs[] = {
		{log_summary, 0, "SMART_ERROR", put_summary_log}, {log_ext_error, 1, "SMART_ERROR", put_ext_error_log},
		{log_self_test, 0, "SMART_SELFTEST", put_self_test_log}, {log_ext_self_test, 1, "SMART_SELFTEST", put_ext_self_test_log},
		{log_defects, 1, "SMART_DEFECT", put_defects_log},
	};

	if (address == log_directory)
		put_directory(page, general);
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		if (logs[i].address != address || logs[i].general != general)
			continue;
		if (getenv(logs[i].lba)) {
			logs[i].put(page, given(logs[i].lba, 0));
			continue;
		}
		// An empty one.
		page[0] = address != log_defects;
		if (address != log_defects)
			seal(page);
	}
}

// What the drive gives for this command; the registers, where smartctl asks for them, say that its health is good.
static void answer(struct sg_io_hdr *io)
{
	const uint8_t *cdb = io->cmdp;
	uint8_t page[sector] = {0};

	if (cdb[0] == inquiry) {
		page[4] = 31;
		memcpy(page + 8, "ATA     failing drive   0001", 28);
	} else if (cdb[14] == identify) {
		put_identity(page);
	} else if (cdb[14] == smart && cdb[4] == smart_data) {
		put_smart_data(page);
	} else if (cdb[14] == smart && cdb[4] == smart_log) {
		put_log(page, cdb[8], 0);
	} else if (cdb[14] == read_log_ext) {
		put_log(page, cdb[8], 1);
	} else if (cdb[14] == smart) {
		seal(page);
	}
	if (io->dxferp) {
		memset(io->dxferp, 0, io->dxfer_len);
		memcpy(io->dxferp, page, io->dxfer_len < sector ? io->dxfer_len : sector);
	}
	io->status = io->masked_status = 0;
	io->host_status = io->driver_status = 0;
	io->resid = 0;
	if (cdb[0] == pass_through_16 && cdb[2] & 0x20 && io->sbp && io->mx_sb_len >= 22) {
		static const uint8_t registers[22] = {0x72, 1, 0, 0x1d, 0, 0, 0, 14, 9, 12, 0, 0, 0, 0, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0x50};

		memcpy(io->sbp, registers, sizeof(registers));
		io->sb_len_wr = sizeof(registers);
		io->status = 2;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*others)(int, unsigned long, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request == SG_IO) {
		answer(argument);
		return 0;
	}
	if (!others)
		*(void **)&others = dlsym(RTLD_NEXT, "ioctl");
	return others(fd, request, argument);
}
