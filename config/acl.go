package config

import (
	"slices"
	"strings"
)

// redis is where the users of a source are made, by an address whose faults tell nothing of it.
func (f secretFile) redis(url Secret) Redis {
	for key, patterns := range map[string][]string{"keys": f.Keys, "channels": f.Channels} {
		for _, pattern := range patterns {
			if pattern == "" || strings.ContainsFunc(pattern, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
				f.At.fault(key, "%q is no pattern; write one without spaces, as in reports:*", pattern)
			}
		}
	}
	for _, command := range f.Commands {
		f.command(command)
	}
	if len(f.Commands) == 0 {
		f.At.fault("commands", "names none, so that nobody could do anything; name some, as in [\"@read\"]")
	}
	at, err := ParseRedis(Locator(url.Reveal()))
	if err != nil {
		f.At.fault("url_file", "holds an address that %v", err)
		return at
	}
	if at.Master != "" || at.Cluster {
		f.At.fault("url_file", "holds an address of several servers, and each has users of its own; write that of one, redis://USER:PASSWORD@HOST:PORT")
	}
	if _, err := at.TLSConfig(); err != nil {
		f.At.fault("url_file", "holds an address that %v", err)
	}
	return at
}

// command notes what is wrong with one that a user may give.
func (f secretFile) command(text string) {
	name, _, _ := strings.Cut(strings.ToLower(text), "|") // what rules a server does so by each of its subcommands
	category, is := strings.CutPrefix(name, "@")
	switch {
	case !isCommand(strings.TrimPrefix(text, "@")) || is && strings.Contains(text, "|"):
		f.At.fault("commands", "%q is no command and no category; write get, object|freq or @read, without a sign before it", text)
	case is && slices.Contains([]string{"all", "admin", "dangerous"}, category):
		f.At.fault("commands", "@%s has commands that rule the server or harm others; name the categories and commands that are needed", category)
	case !is && slices.Contains(rulingCommands(), name):
		f.At.fault("commands", "%s rules the server, or harms others; a user for a lease never has it", name)
	}
}

// isCommand reports whether text is a name of a command or a category, by its letters.
func isCommand(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789._-|") == "" && text[0] != '-' && text[0] != '|' && strings.Count(text, "|") <= 1
}

// rulingCommands are those of @admin and @dangerous, and what takes all of them. The server is told to give none of these
// whatever stands here: this says so before it comes to that.
func rulingCommands() []string {
	return strings.Fields(`acl allcommands bgrewriteaof bgsave client cluster command config debug failover flushall flushdb info keys lastsave latency
		memory migrate module monitor pfdebug pfselftest psync replconf replicaof reset-stat restore restore-asking role save shutdown slaveof slowlog
		sort sort_ro swapdb sync hotkeys`)
}
