# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # guest.sh's, and hunt.sh's before it
#
# The guest's half of hunt.sh.  Piece 14 * (N - 1) is the first half of decoy N.
set -u

program=/usr/lib/iotkey/tests/hunt
state=/data/iotkey

hunt() { $program $tmp/needles "$@"; }
decoy() { echo $((14 * ($1 - 1))); }

# judge TEXT FILE: what hunt found, which is to be decoys alone; $decoys: which of them
judge()
{
	local n place at lines='' scans=0 last=none
	decoys=
	while read -r n place at; do
		if [ "$n" = searched ]; then
			scans=$((scans + 1)) last="$place $at"
		elif [ "$n" -lt 70 ]; then
			decoys="$decoys $((n / 14 + 1))"
		else
			lines="$lines
$(host name "$n") in $place at $at"
		fi
	done <"$2"
	decoys=$(printf '%s\n' $decoys | sort -u | tr '\n' ' ')
	note "$1: $scans searches, the last of $last"
	[ $scans -gt 0 ] || lines='nothing was searched'
	is "$1: no root, no child" "" "$lines"
}

start_agent()
{
	iotkeyd --config conf 2>>log &
	agent=$!
}

# How many roots of version $now there are
here() { grep -c "^r[0-9]* $now device here " $state/fleet/roots; }
all_here() { [ "$(here)" = 10 ]; }

# The agent, in a group whose memory can be asked back; core files of whatever may leave one
begin()
{
	dd if=/dev/zero of=/data/swap bs=1M count=64 status=none
	chmod 600 /data/swap
	sync
	ok "swap" sh -c 'mkswap /data/swap && swapon /data/swap'
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/work
	echo $$ >/sys/fs/cgroup/work/cgroup.procs
	mkdir /data/cores
	# shellcheck disable=SC2016 # for that shell to expand
	printf '#!/bin/sh\nexec cat >/data/cores/$1.$2\n' >/tmp/core
	chmod 755 /tmp/core
	echo '|/tmp/core %p %e' >/proc/sys/kernel/core_pattern
	echo 2 >/proc/sys/fs/suid_dumpable
	ulimit -c unlimited

	while [ ! -e stop ]; do hunt processes; sleep 0.5; done >found-meanwhile &
	searcher=$!
	cat >conf <<-END
	state = $state
	run = /tmp/run
	registrar = https://10.0.2.2:$port
	ca = $fingerprint
	net-user = user
	END
	now=1
	start_agent
	ok "its agent enrols and has 10 roots" until_true 120 all_here
	ring=$(keyctl search @u keyring iotkey)
}

swapped() { sed -n 's/^pswpout //p' /proc/vmstat; }
reclaim() { echo 200M >/sys/fs/cgroup/work/memory.reclaim; } 2>/dev/null

search_swap()
{
	echo 1 >/proc/sys/vm/drop_caches
	hunt files /data/swap >found
	judge "swap" found
}

# What is planted is found in processes, in the swap, in a core file and on the disk
prove()
{
	local before
	before=$(swapped)
	for n in 1 2 3; do
		$program $tmp/needles plant "$(decoy $n)" >planted &
		eval "plant$n=$!"
		until_true 10 test -s planted
		rm planted
	done
	hunt processes >found
	judge "planted in processes" found
	is "what is planted in processes is found" "1 2 3 " "$decoys"
	reclaim
	note "swapped out: $(($(swapped) - before)) pages, $(sed -n 's/^VmSwap:[\t ]*//p' /proc/$agent/status) of the agent's"
	search_swap
	is "what is planted is found in the swap" "1 2 3 " "$decoys"
	kill -ABRT "$plant3"
	wait "$plant3" 2>/dev/null
	hunt files "/data/cores/$plant3.hunt" >found
	judge "planted in a core file" found
	is "what is planted is found in a core file" "3 " "$decoys"
	kill "$plant1" "$plant2"
	hunt write "$(decoy 4)" >/dev/udp/10.0.2.2/9
	hunt write "$(decoy 5)" >/data/planted
	sync
	like "what is planted is found on the disk, and nothing else" "5 */ 0$" "$(host disk)"
	rm -f /data/cores/*
}

# A tool that is aborted in the middle of its work leaves a core file; who was quicker, again
aborted() # COMMAND...
{
	local i
	for ((i = 0; i < 10; i++)); do
		"$@" >/dev/null 2>&1 &
		sleep 0.0$((RANDOM % 5))
		kill -ABRT $! 2>/dev/null
		wait $! 2>/dev/null
		[ $? != 134 ] || return 0
	done
}

# A process of the agent is aborted as soon as there is one
abort_soon() # PROGRAM
{
	local i
	for ((i = 0; i < 1000; i++)); do
		pid=$(pidof "$1") && kill -ABRT $pid && echo "$1" >>aborts && return
		sleep 0.01
	done
}

# A child of a root, and uses of it
use() # NAME
{
	keyctl add iot "$1-key" "new aes-256-gcm root=$1 mode=derive" "$ring" >/dev/null &&
		keyctl pkey_encrypt "%iot:$1-key" 0 "reading-$1" >message &&
		keyctl pkey_decrypt "%iot:$1-key" 0 message | cmp - "reading-$1" &&
		used=$((used + 1))
}

# The name of the program is the end of the file's.  iotkeyd-tpm lives for one command and may be
# met before it has closed itself, so it can leave one.
cores()
{
	local file
	for file in /data/cores/*; do
		[ -s "$file" ] || continue
		case $file in *.iotkeyd | *.iotkeyd-net) echo "$file" >>agent-cores ;; esac
		cores=$((cores + 1))
		hunt files "$file" >>found-cores
		rm "$file"
	done
}

# In the middle of what brings the next version
disturb()
{
	case $now in
	2 | 6 | 9) abort_soon iotkeyd-tpm & ;;
	4) abort_soon iotkeyd-net & ;;
	5) is "the registrar is started anew" yes "$(host restart)" ;;
	7) kill -ABRT $agent
		wait $agent 2>/dev/null
		echo iotkeyd >>aborts
		start_agent ;;
	esac
}

work()
{
	local name
	used=0 cores=0
	: >aborts
	: >agent-cores
	for name in $names; do printf 'reading %s' "$name" >"reading-$name"; done
	for ((now = 1; now <= versions; now++)); do
		if [ $now -gt 1 ]; then
			host next $((now - 1)) >/dev/null
			disturb
		fi
		until_true 180 all_here || { fail "version $now" "$(here) roots of it"; return; }
		for name in $names; do use "$name"; done
		name=$(printf 'r%02d' $now)
		keyctl pkey_encrypt "%iot:$name-key" 0 "reading-$name" >message
		is "the host opens what $name version $now sealed" yes "$(host opens "$name" $now "$(b64 message)")"
		note "version $now at $(cut -d. -f1 /proc/uptime) s"
		aborted keyctl add iot another "load $(keyctl pipe "%iot:$name")" @s
		aborted iotkeyctl encrypt r01-key /etc/passwd /tmp/sealed
		aborted iotkeyctl show r01
		aborted keyctl pkey_decrypt "%iot:$name-key" 0 message
		cores
		reclaim
		[ $now != 3 ] || is "on the disk meanwhile" 0 "$(host disk | sed 's/.*\/ //')"
	done
	is "roots delivered, their children used" $((10 * versions)) $used
}

finish()
{
	note "swapped out: $(swapped) pages; $(cat /sys/fs/cgroup/work/memory.swap.current) bytes now"
	search_swap
	hunt processes >found
	judge "processes after it" found
	touch stop
	wait $searcher
	judge "processes meanwhile" found-meanwhile
	note "$cores core files; aborted: $(sort aborts | uniq -c | tr '\n' ' ')"
	is "each process of the agent was aborted" 3 "$(sort -u aborts | wc -l)"
	is "and those that stay left no core file" "" "$(cat agent-cores)"
	ok "tools left some" test $cores -ge $((2 * versions))
	judge "core files" found-cores
	sync
	is "on the disk" 0 "$(host disk | sed 's/.*\/ //')"
	host revoke >/dev/null
	ok "it is thrown out" until_true 30 not keyctl search "$ring" iot r01
	kill $agent
	wait $agent
	hunt files log >found
	judge "the agent's log" found
	note "$(grep -v 'root.*version' log | tail -n 20)"
}

not() { ! "$@"; }

begin
prove
work
finish
done_testing
