package config

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"leasehold/provision"
)

//go:embed app.go config.go connection.go manifest.go secrets.go tenant.go workload.go
var sources embed.FS

//go:embed testdata/leasehold.yaml testdata/tenants.d/acme.yaml
var examples embed.FS

const introduction = `# Configuration

This page is made from the code (` + "`go test ./config -update`" + `); a test keeps it true.

There are two kinds of file, both YAML. The **operator configuration** says how the gateway runs; it is read at start.
**Manifests** say which tenants, domains, connections and apps there are; they are read at start, on SIGHUP and by
` + "`leasehold apply`" + `. ` + "`leasehold check-config`" + ` prints every fault of all of them at once, with file and line.

Rules for both:

- A key that is unknown, or there twice, is a fault. So is a key without a value: leave it out, or write ` + "`\"\"`" + ` or ` + "`[]`" + `.
- One document of at most 4 MiB in UTF-8. Anchors, aliases, merge keys and tags are refused.
- Relative paths begin at the folder of the file they stand in.
- A time is a number with a unit, ` + "`90d`, `24h`, `30m`, `10s`" + `, or several of them, the largest first. A day has 24 hours.
- Switches are ` + "`on` or `off`" + ` (` + "`true` and `false`, `yes` and `no`" + ` mean the same).
- Within braces, quote what has a colon in a list: ` + "`{exempt: [\"::1\"]}`" + `. The same for a list that begins with a colon.

## Operator configuration

Every key can be given as an environment variable too, which wins over the file; a list is then separated by commas.
A variable that begins with ` + "`LEASEHOLD_`" + ` and is none of these is a fault. With all that is needed in the environment,
no file is needed.

`

const manifestIntroduction = `## Manifests

Several manifests are read as one: ids and origins are unique over all of them. With one fault nothing is applied.

`

const secretsIntroduction = `## Sources of secrets

The file that ` + "`secrets`" + ` names is read whenever one is needed: a change needs no restart. It holds what an operator answers for, and
no tenant's administrator changes it. What has to be there:

- ` + "`postgres`" + `: whoever makes roles needs CREATEROLE and pg_signal_backend, and the admin option on each role of ` + "`member_of`" + `.
- ` + "`redis`" + ` (6.2 or newer): ` + "`user maker on >PASSWORD resetkeys resetchannels -@all +acl|setuser +acl|deluser +acl|getuser +client|kill`" + `. Users
  are of one server: neither a cluster nor Sentinel can be named. They have no end of their own, and reach every database of the server.
  Do not save its ACL while leases live: a user that is in the file comes back with a restart.
- ` + "`webhook`" + `: a service that answers as [workloads.md](workloads.md#secrets) says.

`

// Reference is docs/config.md: every key with its type, its default and its meaning, as the code has them.
func Reference() string {
	var b strings.Builder
	comments := comments()
	b.WriteString(introduction)
	example(&b, "leasehold.yaml")
	b.WriteString("| Key | Variable | Value | Default | Meaning |\n|---|---|---|---|---|\n")
	for _, row := range rows(reflect.TypeFor[Config](), "", comments) {
		env := ""
		if row.kind != "" {
			env = "`" + variable(row.key) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", row.key, env, row.kind, row.initial, row.meaning)
	}
	b.WriteString("\n" + strings.ReplaceAll(redisText, "~", "`") + "\n" + manifestIntroduction)
	example(&b, "tenants.d/acme.yaml")
	tables(&b, reflect.TypeFor[manifestFile](), "", comments)
	b.WriteString(secretsIntroduction)
	tables(&b, reflect.TypeFor[secretsFile](), "", comments)
	return strings.TrimSuffix(b.String(), "\n")
}

// tables writes the keys of a struct, then those of each list of structs in it under a heading of its own.
func tables(b *strings.Builder, t reflect.Type, path string, comments map[string]string) {
	b.WriteString("| Key | Value | Default | Meaning |\n|---|---|---|---|\n")
	for _, row := range rows(t, "", comments) {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", row.key, row.kind, row.initial, row.meaning)
	}
	b.WriteString("\n")
	lists(b, t, path, comments)
}

// lists writes a table for each list of structs in a struct, and in the sections of it.
func lists(b *strings.Builder, t reflect.Type, path string, comments map[string]string) {
	for i := range t.NumField() {
		inner, here := t.Field(i).Type, join(path, t.Field(i).Tag.Get("key"))
		switch {
		case t.Field(i).Tag.Get("key") == "":
		case isSection(inner):
			lists(b, inner, here, comments)
		case inner.Kind() == reflect.Slice && isSection(inner.Elem()):
			fmt.Fprintf(b, "### An item of `%s`\n\n", here)
			tables(b, inner.Elem(), here, comments)
		}
	}
}

// row is a key in a table.
type row struct{ key, kind, initial, meaning string }

// rows are the keys of a struct and of the sections in it.
func rows(t reflect.Type, path string, comments map[string]string) []row {
	var all []row
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Tag.Get("key") == "" {
			continue
		}
		key := join(path, field.Tag.Get("key"))
		all = append(all, row{key, kind(field.Type), initial(field.Tag), meaning(field.Tag, comments[t.Name()+"."+field.Name])})
		if isSection(field.Type) {
			all = append(all, rows(field.Type, key, comments)...)
		}
	}
	return all
}

func initial(tag reflect.StructTag) string {
	switch {
	case tag.Get("required") != "":
		return "required"
	case tag.Get("default") != "":
		return "`" + tag.Get("default") + "`"
	}
	return ""
}

func meaning(tag reflect.StructTag, comment string) string {
	if only := tag.Get("only"); only != "" {
		comment = "`" + strings.ReplaceAll(only, " ", "` and `") + "` only. " + comment
	}
	if tag.Get("later") != "" {
		comment += " Not supported yet: leave it out."
	}
	return comment
}

// kind is what a value of type t looks like to whoever writes it; "" for a section.
func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[bool]():
		return "on, off"
	case t == reflect.TypeFor[int]():
		return "number"
	case t == reflect.TypeFor[time.Duration]():
		return "time"
	case t == reflect.TypeFor[day]():
		return "date"
	case t == reflect.TypeFor[Address]():
		return "host:port or unix:/path"
	case t == reflect.TypeFor[Rate]():
		return "number/s, /m or /h"
	case t == reflect.TypeFor[netip.Prefix]():
		return "network"
	case t == reflect.TypeFor[provision.Origin]():
		return "origin"
	case t == reflect.TypeFor[provision.Domain]():
		return "domain"
	case t == reflect.TypeFor[patterns]():
		return "text or list of text"
	case t == reflect.TypeFor[name](), t == reflect.TypeFor[provision.TenantID]():
		return "id"
	case isSection(t):
		return ""
	case isList(t) && isSection(t.Elem()):
		return "list, below"
	case isList(t):
		return "list: " + kind(t.Elem())
	case t.Kind() == reflect.Map:
		return "text: " + kind(t.Elem())
	}
	return "text"
}

func example(b *strings.Builder, file string) {
	text, _ := examples.ReadFile("testdata/" + file) // embedded: it is there
	fmt.Fprintf(b, "```yaml\n%s```\n\n", text)
}

// comments are the comments of the fields of this package's structs, by "Struct.Field".
func comments() map[string]string {
	found := map[string]string{}
	files, _ := sources.ReadDir(".") // embedded: it is there
	for _, file := range files {
		text, _ := sources.ReadFile(file.Name())
		parsed, _ := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.ParseComments) // it was compiled
		ast.Inspect(parsed, func(n ast.Node) bool {
			if declared, ok := n.(*ast.TypeSpec); ok {
				fieldComments(found, declared)
			}
			return true
		})
	}
	return found
}

func fieldComments(found map[string]string, declared *ast.TypeSpec) {
	shape, ok := declared.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range shape.Fields.List {
		for _, name := range field.Names {
			found[declared.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
		}
	}
}
