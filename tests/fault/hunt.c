// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Searches the memory of processes, and files, for pieces of secrets.
 *
 *	hunt NEEDLES processes		all there are, this one too
 *	hunt NEEDLES files FILE...	whole, as they are
 *	hunt NEEDLES plant N		holds piece N in its memory until it is killed
 *	hunt NEEDLES write N		writes it
 *
 * NEEDLES (needles.py) is a mask of 16 bytes, and pieces of 16 bytes under it: the program has
 * none in its memory but those that it plants.  Each find is a line "N PLACE OFFSET" with the
 * number of the piece; the last line says what was searched.  Exit status: 0; 1 when it could
 * not search.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE	16
#define BUCKETS 65536
#define CHUNK	(1u << 20)

static uint8_t mask[PIECE];
static uint8_t *pieces;
static size_t count;
static uint32_t *next_of; /* the next piece in the bucket, from 1 */
static uint32_t first_of[BUCKETS];
static uint8_t buffer[PIECE + CHUNK]; /* the end of the chunk before, and this one */
static uint64_t searched;

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t bucket(uint32_t masked)
{
	return masked * 2654435769u >> 16;
}

static int read_needles(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	uint32_t b;
	size_t i;

	if (!file || fstat(fileno(file), &st) || st.st_size < 2 * PIECE ||
	    st.st_size % PIECE || fread(mask, PIECE, 1, file) != 1) {
		fprintf(stderr, "hunt: %s is no file of needles\n", path);
		return -1;
	}
	count = (size_t)st.st_size / PIECE - 1;
	pieces = malloc(count * PIECE);
	next_of = calloc(count, sizeof(*next_of));
	if (!pieces || !next_of || fread(pieces, PIECE, count, file) != count) {
		perror("hunt");
		return -1;
	}
	fclose(file);
	for (i = 0; i < count; i++) {
		b = bucket(load32(pieces + i * PIECE));
		next_of[i] = first_of[b];
		first_of[b] = (uint32_t)i + 1;
	}
	return 0;
}

static bool is_piece(const uint8_t *p, size_t i)
{
	size_t j;

	for (j = 0; j < PIECE; j++)
		if ((p[j] ^ mask[j]) != pieces[i * PIECE + j])
			return false;
	return true;
}

/* Pieces that begin in @data; @at is where that is in @place */
static void search(const uint8_t *data, size_t len, const char *place, uint64_t at)
{
	uint32_t first_mask = load32(mask), n;
	size_t i;

	for (i = 0; i + PIECE <= len; i++)
		for (n = first_of[bucket(load32(data + i) ^ first_mask)]; n;
		     n = next_of[n - 1])
			if (is_piece(data + i, n - 1))
				printf("%" PRIu32 " %s 0x%" PRIx64 "\n", n - 1, place,
				       at + i);
}

/*
 * From @fd, between two offsets; where it cannot be read it goes on at the next page.  What
 * was read does not stay.
 */
static void search_range(int fd, uint64_t from, uint64_t to, const char *place)
{
	size_t kept = 0, want;
	ssize_t n;

	while (from < to) {
		want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		n = pread(fd, buffer + kept, want, (off_t)from);
		if (n <= 0) {
			if (!n || errno == ESRCH || errno == ENOENT)
				break;
			from = (from & ~UINT64_C(4095)) + 4096;
			kept = 0;
			continue;
		}
		searched += (uint64_t)n;
		search(buffer, kept + (size_t)n, place, from - kept);
		from += (uint64_t)n;
		want = kept + (size_t)n;
		kept = want < PIECE - 1 ? want : PIECE - 1;
		memmove(buffer, buffer + want - kept, kept);
	}
	memset(buffer, 0, sizeof(buffer));
}

static int search_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0) {
		fprintf(stderr, "hunt: %s: %s\n", path, strerror(errno));
		return -1;
	}
	search_range(fd, 0, (uint64_t)size, path);
	close(fd);
	return 0;
}

/* One that ends meanwhile is searched as far as it goes; one without memory is none */
static bool search_process(const char *pid)
{
	char path[64], place[512], line[512], name[256], rights[8];
	uint64_t before = searched, from, to;
	FILE *maps;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (maps && fd >= 0 && fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %255s", &from,
			   &to, rights, name) < 3 ||
		    !strncmp(rights, "---", 3) || !strcmp(name, "[vsyscall]") ||
		    !strcmp(name, "[vvar]"))
			continue;
		snprintf(place, sizeof(place), "process-%s:%s", pid,
			 name[0] ? name : "anonymous");
		search_range(fd, from, to, place);
	}
	if (maps)
		fclose(maps);
	if (fd >= 0)
		close(fd);
	return searched > before;
}

static int search_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			n += search_process(entry->d_name);
	if (dir)
		closedir(dir);
	printf("searched %" PRIu64 " bytes of %u processes\n", searched, n);
	return n ? 0 : -1;
}

static void unmask(size_t n, uint8_t out[PIECE])
{
	size_t i;

	for (i = 0; i < PIECE; i++)
		out[i] = pieces[n * PIECE + i] ^ mask[i];
}

/* Its own page, so that it is swapped out as a process's data is */
static int plant(size_t n)
{
	uint8_t *page;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (page == MAP_FAILED)
		return -1;
	unmask(n, page + 100);
	puts("planted");
	fflush(stdout);
	for (;;)
		pause();
}

static int write_piece(size_t n)
{
	uint8_t piece[PIECE];

	unmask(n, piece);
	return write(1, piece, sizeof(piece)) == PIECE ? 0 : -1;
}

static int search_files(int n, char **paths)
{
	int i, ret = 0;

	for (i = 0; i < n; i++)
		ret |= search_file(paths[i]);
	printf("searched %" PRIu64 " bytes of %d files\n", searched, n);
	return ret;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[2] : "";
	size_t n = argc == 4 ? strtoul(argv[3], NULL, 10) : SIZE_MAX;
	int ret = -1;

	if (argc < 3 || read_needles(argv[1]))
		return 1;
	if (!strcmp(verb, "processes") && argc == 3)
		ret = search_processes();
	else if (!strcmp(verb, "files"))
		ret = search_files(argc - 3, argv + 3);
	else if (!strcmp(verb, "plant") && n < count)
		ret = plant(n);
	else if (!strcmp(verb, "write") && n < count)
		ret = write_piece(n);
	else
		fprintf(stderr, "hunt: see the head of its source\n");
	return ret ? 1 : 0;
}
