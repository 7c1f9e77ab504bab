/* Programs that everybody has, and what they do to a directory: for test_record_program.c. */
#ifndef TORNWRITE_TESTS_PROGRAM_CASES_H
#define TORNWRITE_TESTS_PROGRAM_CASES_H

#include <stdbool.h>

#include "harness/recording.h"

struct program_case {
	const char *name;            /* of the test */
	const char *needs;           /* programs, separated by blanks */
	const char *setup, *command; /* for sh -c, in the directory */
	/* A shell command that says by its exit status whether the program did its work. */
	const char *verify;
	bool is_as_native;  /* run without us it leaves the same files */
	bool is_repeatable; /* two runs make equal recordings */
	unsigned notes;     /* enum recording_note */
};

#define GIT                                                                                        \
	"GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=/nonexistent "               \
	"GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a "                           \
	"GIT_COMMITTER_EMAIL=a@b.c GIT_AUTHOR_DATE='1000000000 +0000' "                            \
	"GIT_COMMITTER_DATE='1000000000 +0000' git "

static const struct program_case program_cases[] = {
	{"python_write", "python3", NULL,
		"exec python3 -c 'f = open(\"f\", \"w\"); f.write(\"new\" * 50000); f.close()'",
		"test $(wc -c <f) = 150000", true, true, 0},
	{"python_replace", "python3", "echo old >f",
		"exec python3 -c 'import os, tempfile\n"
		"fd, name = tempfile.mkstemp(dir=\".\")\n"
		"os.write(fd, b\"new\"); os.fsync(fd); os.close(fd); os.replace(name, \"f\")'",
		"test $(cat f) = new && test $(ls -A | wc -l) = 1", true, true, 0},
	{"python_mmap", "python3", "head -c 20000 /dev/zero >f",
		"exec python3 -c 'import mmap\n"
		"f = open(\"f\", \"r+b\"); m = mmap.mmap(f.fileno(), 0)\n"
		"m[4000:9000] = b\"x\" * 5000; m.flush(); m[19999:] = b\"y\"'",
		"test $(tr -d \"\\0\" <f | wc -c) = 5001", true, true, NOTE_MAPPED},
	{"python_threads", "python3", NULL,
		"exec python3 -c 'import threading, os\n"
		"fd = os.open(\"shared\", os.O_CREAT | os.O_WRONLY | os.O_APPEND)\n"
		"def work(n):\n"
		"  for i in range(20):\n"
		"    os.write(fd, b\"%d\" % n * 100)\n"
		"    open(\"own%d\" % n, \"a\").write(\"line\\n\")\n"
		"all = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
		"[t.start() for t in all]; [t.join() for t in all]'",
		"test $(wc -c <shared) = 8000 && test $(cat own* | wc -l) = 80", false, false, 0},
	{"python_subprocess", "python3", NULL,
		"exec python3 -c 'import subprocess, os\n"
		"subprocess.run([\"sh\", \"-c\", \"echo a >a\"], check=True)\n"
		"os.waitpid(os.posix_spawn(\"/bin/cp\", [\"cp\", \"a\", \"b\"], {}), 0)\n"
		"os.rename(\"b\", \"c\")'",
		"test $(cat a c | wc -l) = 2", true, true, 0},
	{"python_thread_execs", "python3", NULL,
		"exec python3 -c 'import threading, os, time\n"
		"open(\"f\", \"w\").write(\"before\\n\")\n"
		"threading.Thread(target=lambda: "
		"os.execv(\"/bin/sh\", [\"sh\", \"-c\", \"echo after >>f\"])).start()\n"
		"time.sleep(100)'",
		"test \"$(tail -n 1 f)\" = after && test $(wc -l <f) = 2", true, false, 0},
	{"node_write", "node", NULL,
		"exec node -e 'const fs = require(\"fs\"); "
		"fs.writeFileSync(\"f\", \"x\".repeat(100000)); fs.appendFileSync(\"f\", \"end\"); "
		"fs.renameSync(\"f\", \"g\")'",
		"test $(wc -c <g) = 100003", true, false, 0},
	{"node_promises", "node", NULL,
		"exec node -e 'const fs = require(\"fs\").promises; (async () => {"
		"await fs.mkdir(\"d\"); "
		"await Promise.all([1, 2, 3, 4].map(n => fs.writeFile(\"d/\" + n, "
		"\"x\".repeat(n)))); "
		"const h = await fs.open(\"d/1\", \"r+\"); await h.write(\"yy\"); await h.sync(); "
		"await h.close(); await fs.rename(\"d/2\", \"d/5\"); await fs.unlink(\"d/3\") "
		"})()'",
		"test \"$(cat d/*)\" = yyxxxxxx && test ! -e d/3", true, false, 0},
	{"git_init_add_commit", "git", "echo one >f",
		GIT "init -q -b main . && " GIT "add f && " GIT "commit -q -m one",
		GIT "fsck --strict && test $(" GIT "log --format=%s) = one", false,
		false /* its index holds numbers of inodes */, 0},
	{"git_gc", "git",
		"echo one >f && " GIT "init -q -b main . && " GIT "add f && " GIT
		"commit -q -m one && echo two >f && " GIT "commit -q -a -m two",
		GIT "gc -q && " GIT "prune",
		GIT "fsck --strict && test -s .git/packed-refs && test $(" GIT
		    "log --format=%s | wc -l) = 2",
		false, false, 0},
	{"sqlite_rollback", "sqlite3", "sqlite3 db 'create table t(a); insert into t values(1)'",
		"exec sqlite3 db 'insert into t values(2); update t set a = a + 1'",
		"test $(sqlite3 db 'pragma integrity_check; select sum(a) from t' | tr -d \"\\n\") "
		"= "
		"ok5",
		true, true, 0},
	{"sqlite_wal", "sqlite3",
		"sqlite3 db 'pragma journal_mode=wal; create table t(a); insert into t values(1)'",
		"exec sqlite3 db 'insert into t values(2)' 'update t set a = a + 1'",
		"test $(sqlite3 db 'pragma integrity_check; select sum(a) from t' | tr -d \"\\n\") "
		"= "
		"ok5",
		false, true, NOTE_MAPPED},
	{"shell_children_draw_names", "python3", NULL,
		"python3 -c 'import tempfile; print(tempfile.mkstemp(dir=\".\"))'; "
		"python3 -c 'import tempfile; print(tempfile.mkstemp(dir=\".\"))'; true",
		"test $(ls tmp* | wc -l) = 2", false, true, 0},
	{"sed_in_place", "sed", "echo old old >f; ln -s f link; chmod 640 f",
		"sed -i.orig s/old/new/ f",
		"test \"$(cat f f.orig)\" = \"$(printf \"new old\\nold old\")\"", true,
		false /* mkstemp(3) looks at a clock that is not ours */, 0},
	{"cp_archive", "cp",
		"mkdir -p a/b/c; echo x >a/b/x; ln a/b/x a/hard; ln -s ../x a/b/c/soft; chmod 555 "
		"a/b/c; "
		"head -c 300000 /dev/urandom >a/big; truncate -s 1M a/hole",
		"cp -a a copy", "diff -r a copy && test copy/hard -ef copy/b/x", true, true, 0},
	{"tar", "tar", "mkdir -p a/b; echo x >a/b/x; ln -s x a/b/y; head -c 100000 /dev/zero >a/z",
		"tar cf a.tar a && mkdir out && tar xf a.tar -C out && rm -r a",
		"cmp out/a/b/x out/a/b/y", false, false, 0},
	{"rsync", "rsync",
		"mkdir from; echo x >from/x; head -c 200000 /dev/zero >from/big; mkdir to; "
		"echo older >to/x; echo gone >to/gone",
		"rsync -a --delete from/ to/", "diff -r from to", true, false, 0},
	{"vim", "vim", "printf 'old one\\nold two\\n' >f",
		"TERM=dumb HOME=/nonexistent vim -es -u NONE -i NONE -c '%s/old/new/' -c wq f",
		"test $(grep -c new f) = 2", true, true, 0},
	{"make_parallel", "make",
		"printf 'all: a b c d\\n\\tcat a b c d >all\\n%%: %%.in\\n\\tcp $< $@\\n' "
		">Makefile; "
		"for i in a b c d; do echo $i >$i.in; done",
		"make -s -j4", "test $(tr -d \"\\n\" <all) = abcd", true, false, 0},
	{"shell_outlived_by_its_child", "sh", NULL,
		"(for i in 1 2 3 4 5; do /bin/true; done; echo late >late) & echo now >now",
		"test $(cat now late | tr -d \"\\n\") = nowlate", false, false, 0},
	{"shell_stops_and_continues_a_child", "sh", NULL,
		"(while :; do test -e go && break; done; echo child >child) & pid=$!; kill -STOP "
		"$pid; "
		"echo parent >parent; kill -CONT $pid; : >go; wait $pid",
		"test $(cat parent child | tr -d \"\\n\") = parentchild", true, false, 0},
	{"shell_kills_a_child", "sh", NULL,
		"(while :; do echo x >>log; done) & while ! test -s log; do :; done; kill -9 $!; "
		"wait $!; echo $? >status; rm log",
		"test $(cat status) = 137 && test ! -e log", true, false, 0},
	{"shell_kills_its_group", "sh setsid", NULL,
		"setsid -w sh -c '(while :; do echo x >>log; done) & while ! test -s log; do :; "
		"done; "
		"echo before >f; kill -9 0' ; echo after >>f; rm log",
		"test $(tr -d \"\\n\" <f) = beforeafter", true, false, 0},
	{"shell_pipeline", "sh", "seq 1 5000 >in", "cat in | sort -rn | tee copy | head -n 3 >f",
		"test $(tr -d \"\\n\" <f) = 500049994998", false, false, 0},
};

enum { PROGRAM_CASE_COUNT = sizeof(program_cases) / sizeof(*program_cases) };

#endif
