package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"leasehold/cmd/leasehold/internal/demo"
	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/idp/saml/samltest"
)

// TestTheCommandLineKeepsItsPromises plays testdata/script: one transcript a promise, against the built binary. Beside
// testscript's own commands there are
//
//	leasehold ARG…        runs the binary; `! leasehold` when it has to fail
//	exit CODE             what the last leasehold ended with
//	serve [ARG…]          starts the server and waits until it answers; `! serve` when it must not start; its log is serve.log
//	hup, halt, kill9      what a signal does to it, until it has done it
//	login [-via CONNECTION] [-groups A,B] SUBJECT EMAIL
//	                      a browser of that subject's own logs in; prints where it ends and what it reads there
//	logout SUBJECT        the same browser logs out
//	check SUBJECT         asks /_sso/check/nginx with that browser's cookie, and prints status and headers
//	cookie SUBJECT        prints that browser's cookie for the wiki
//	publish NAME VALUE    puts a TXT record into the DNS that the server asks
//	api TOKEN METHOD PATH asks the API, and prints status and body
//	hear                  brings the app at ${HOOK} up, whose messages $HOOK_SECRET signs; `! hear` takes it down
//	heard N               waits until it has heard N messages, and prints them
//	elevate [-minutes N] [-ticket T] SUBJECT ROLE REASON
//	                      asks for a role in that browser; prints where it ends and what it reads there
//	judge SUBJECT ANSWER REQUEST
//	                      approves, denies or withdraws a request in that browser
//	giveback SUBJECT LEASE
//	                      ends a lease in that browser
//	keep NAME REGEXP      sets $NAME to what the parentheses match in the last output
//	await REGEXP ARG…     runs leasehold again and again until its output matches
//
// Setup writes leasehold.yaml, idp.xml and tenants.d/acme.yaml unless the script brings its own, and puts the values of
// ${PORT}, ${OPS}, ${DNS}, ${DATA} and ${HOOK} in place of these words in YAML files.
func TestTheCommandLineKeepsItsPromises(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "leasehold")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	provider := samltest.New(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error { return newDesk(t, env, binary, *provider) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"leasehold": onDesk((*desk).leasehold), "exit": onDesk((*desk).exitedWith), "await": onDesk((*desk).await), "keep": onDesk((*desk).keep),
			"serve": onDesk((*desk).serve), "hup": onDesk((*desk).hup), "halt": onDesk((*desk).halt), "kill9": onDesk((*desk).kill9),
			"login": onDesk((*desk).login), "logout": onDesk((*desk).logout), "check": onDesk((*desk).check), "publish": onDesk((*desk).publish),
			"elevate": onDesk((*desk).elevate), "judge": onDesk((*desk).judge), "giveback": onDesk((*desk).giveBack),
			"cookie": onDesk((*desk).showCookie), "api": onDesk((*desk).askAPI),
			"hear": onDesk((*desk).hear), "heard": onDesk((*desk).heard),
		},
	})
}

// desk is what an operator has in one script.
type desk struct {
	t          *testing.T
	binary     string
	provider   samltest.IdP
	dns        *demo.DNS
	work, data string
	port       string
	environ    []string
	code       int // of the last leasehold
	server     *exec.Cmd
	hook       *hook // an app that is told
	visitors   map[string]*visitor
}

type deskKey struct{}

func onDesk(do func(*desk, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		do(ts.Value(deskKey{}).(*desk), ts, neg, args)
	}
}

const (
	deskConfig = `url: http://sso.localhost:${PORT}
listen: 127.0.0.1:${PORT}
ops_listen: 127.0.0.1:${OPS}
data: ${DATA}
dns: {resolver: "${DNS}"}
manifests: [tenants.d/*.yaml]
`
	deskManifest = `apps:
- {id: wiki, origins: ["http://wiki.localhost:${PORT}"], tenants: [acme]}
tenants:
- id: acme
  name: Acme Corp
  contact: it@acme.test
  domains: [{name: acme.test, proof: operator}]
  connections:
  - {id: acme-saml, protocol: saml, metadata_file: ../idp.xml, domains: [acme.test], attributes: {email: mail, name: displayName, groups: groups}}
  policy: {create: allow}
`
)

func newDesk(t *testing.T, env *testscript.Env, binary string, provider samltest.IdP) error {
	data, err := os.MkdirTemp("", "lh") // a socket's path has room for 107 bytes
	if err != nil {
		return err
	}
	env.Defer(func() { os.RemoveAll(data) })
	d := &desk{t: t, binary: binary, provider: provider, work: env.WorkDir, data: filepath.Join(data, "data"), port: strconv.Itoa(peers.Port(t)), visitors: map[string]*visitor{}}
	d.hook = &hook{port: strconv.Itoa(peers.Port(t)), server: &http.Server{}}
	env.Defer(func() { d.hook.server.Close() })
	env.Setenv("HOOK_SECRET", hookSecret)
	if d.dns, err = demo.NewDNS(); err != nil {
		return err
	}
	env.Defer(func() { d.dns.Close() })
	d.provider.SSO = "http://idp.localhost:" + d.port + "/sso" // where browsers come to, and find nobody
	env.Defer(d.end)
	env.Values[deskKey{}] = d
	env.Setenv("DATA", d.data)
	env.Setenv("PORT", d.port)
	env.Setenv("BINARY", binary) // for exec in the background
	env.Setenv("LEASEHOLD_CONFIG", filepath.Join(d.work, "leasehold.yaml"))
	d.environ = env.Vars
	for name, text := range map[string]string{"leasehold.yaml": deskConfig, "tenants.d/acme.yaml": deskManifest, "idp.xml": string(d.provider.Metadata())} {
		path := filepath.Join(d.work, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return d.fillIn(strings.NewReplacer("${PORT}", d.port, "${OPS}", strconv.Itoa(peers.Port(t)), "${DNS}", d.dns.Addr, "${DATA}", d.data, "${HOOK}", d.hook.port))
}

// fillIn replaces words in every YAML file of the script.
func (d *desk) fillIn(words *strings.Replacer) error {
	return filepath.WalkDir(d.work, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(words.Replace(string(text))), 0o600)
	})
}

func (d *desk) leasehold(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(d.binary, args...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		d.code = 0
	case errors.As(err, &exit):
		d.code = exit.ExitCode()
	default:
		ts.Fatalf("%v", err)
	}
	if neg != (d.code != 0) {
		ts.Fatalf("leasehold ended with %d", d.code)
	}
}

func (d *desk) exitedWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != strconv.Itoa(d.code) {
		ts.Fatalf("leasehold ended with %d", d.code)
	}
}

func (d *desk) await(ts *testscript.TestScript, _ bool, args []string) {
	wanted := regexp.MustCompile("(?m)" + args[0])
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		command := exec.Command(d.binary, args[1:]...)
		command.Env, command.Dir = d.environ, d.work
		out, err := command.CombinedOutput()
		if err == nil && wanted.Match(out) {
			ts.Stdout().Write(out)
			return
		}
		if time.Since(began) > 10*time.Second {
			ts.Fatalf("still no %q: %v %s", args[0], err, out)
		}
	}
}

func (d *desk) keep(ts *testscript.TestScript, neg bool, args []string) {
	out := ts.ReadFile("stdout")
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(out)
	if neg || found == nil {
		ts.Fatalf("no %q in %q", args[1], out)
	}
	ts.Setenv(args[0], found[1])
	ts.Stdout().Write([]byte(out)) // for the next one
}

func (d *desk) serve(ts *testscript.TestScript, neg bool, args []string) {
	log, err := os.Create(filepath.Join(d.work, "serve.log"))
	ts.Check(err)
	defer log.Close()
	server := exec.Command(d.binary, append([]string{"serve"}, args...)...)
	server.Env, server.Dir, server.Stdout, server.Stderr = d.environ, d.work, log, log
	ts.Check(server.Start())
	over := make(chan struct{})
	go func() { server.Wait(); close(over) }()
	d.server = server
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		select {
		case <-over:
			d.server, d.code = nil, server.ProcessState.ExitCode()
			if !neg || d.code == 0 {
				ts.Fatalf("the server ended with %d: %s", d.code, d.log())
			}
			fmt.Fprint(ts.Stderr(), d.log())
			return
		default:
		}
		if strings.Contains(d.log(), `"msg":"serving"`) {
			break
		}
		if time.Since(began) > 20*time.Second {
			ts.Fatalf("the server does not start: %s", d.log())
		}
	}
	if neg {
		ts.Fatalf("the server started: %s", d.log())
	}
}

func (d *desk) log() string {
	text, err := os.ReadFile(filepath.Join(d.work, "serve.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (d *desk) hup(ts *testscript.TestScript, _ bool, _ []string) {
	const done = `"msg":"manifests were `
	before := strings.Count(d.log(), done)
	ts.Check(d.server.Process.Signal(syscall.SIGHUP))
	for began := time.Now(); strings.Count(d.log(), done) == before; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			ts.Fatalf("no answer to SIGHUP: %s", d.log())
		}
	}
}

func (d *desk) halt(ts *testscript.TestScript, _ bool, _ []string) {
	server := d.server
	ts.Check(server.Process.Signal(syscall.SIGTERM))
	d.gone(ts)
	if !strings.HasSuffix(strings.TrimSpace(d.log()), `"msg":"stopped"}`) {
		ts.Fatalf("the server did not end in good order: %s", d.log())
	}
}

func (d *desk) kill9(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(d.server.Process.Kill())
	d.gone(ts)
}

// gone waits for the end of the server's process, which another goroutine waits for.
func (d *desk) gone(ts *testscript.TestScript) {
	for began := time.Now(); d.server.Process.Signal(syscall.Signal(0)) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			ts.Fatalf("the server does not stop: %s", d.log())
		}
	}
	d.server = nil
}

// end is for what a script leaves behind.
func (d *desk) end() {
	if d.server != nil {
		d.server.Process.Kill()
	}
}

func (d *desk) login(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("login", flag.ContinueOnError)
	via := flags.String("via", "acme-saml", "")
	groups := flags.String("groups", "", "")
	ts.Check(flags.Parse(args))
	v := d.visitors[flags.Arg(0)]
	if v == nil {
		v = newVisitor(d.port)
		d.visitors[flags.Arg(0)] = v
	}
	person := samltest.Person{Subject: flags.Arg(0), Email: flags.Arg(1), Name: flags.Arg(0), Groups: strings.FieldsFunc(*groups, func(r rune) bool { return r == ',' })}
	p, err := d.logIn(v, *via, person)
	ts.Check(err)
	_, _ = fmt.Fprintf(ts.Stdout(), "%d at %s\n%s\n", p.status, p.url, p.words())
	if entered := d.cookie(v) != nil && p.status != http.StatusForbidden; entered == neg {
		ts.Fatalf("came to %s with status %d:\n%s", p.url, p.status, p.words())
	}
}

// logIn goes to the wiki, and by a connection to the identity provider and back.
func (d *desk) logIn(v *visitor, via string, person samltest.Person) (page, error) {
	ctx := context.Background()
	wiki := url.QueryEscape("http://wiki.localhost:" + d.port + "/")
	p, err := v.get(ctx, "http://sso.localhost:"+d.port+"/login?connection="+via+"&rd="+wiki)
	if err != nil || !strings.HasPrefix(p.url, d.provider.SSO) {
		return p, err
	}
	answer := d.provider.Answer(d.t, p.url, person)
	p, err = v.post(ctx, "http://sso.localhost:"+d.port+"/idp/"+via+"/acs", answer)
	onward := regexp.MustCompile(`<a [^>]*href="([^"]+)"[^>]*>Continue<`).FindStringSubmatch(p.body)
	if err != nil || onward == nil {
		return p, err
	}
	there, err := url.Parse(p.url)
	if err != nil {
		return p, err
	}
	if there, err = there.Parse(html.UnescapeString(onward[1])); err != nil {
		return p, err
	}
	next, err := v.get(ctx, there.String()) // she has read what she was told
	next.body = p.body + next.body
	return next, err
}

// words are what a person reads on a page.
func (p page) words() string {
	body := regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`).ReplaceAllString(p.body, "\n")
	return regexp.MustCompile(`\s*\n\s*`).ReplaceAllString(strings.TrimSpace(html.UnescapeString(body)), "\n")
}

func (d *desk) logout(ts *testscript.TestScript, _ bool, args []string) {
	v, ctx := d.visitors[args[0]], context.Background()
	p, err := v.get(ctx, "http://wiki.localhost:"+d.port+"/_sso/logout")
	ts.Check(err)
	action, form, err := p.anyForm()
	ts.Check(err)
	p, err = v.post(ctx, action, form)
	ts.Check(err)
	_, _ = fmt.Fprintf(ts.Stdout(), "%d at %s\n%s\n", p.status, p.url, p.words())
}

// anyForm is the first form of a page.
func (p page) anyForm() (string, url.Values, error) {
	named := regexp.MustCompile(`(?s)<form[^>]*>.*?name="([^"]+)"`).FindStringSubmatch(p.body)
	if named == nil {
		return p.url, url.Values{}, nil
	}
	return p.form(named[1])
}

// cookie is what a visitor has for the wiki.
func (d *desk) cookie(v *visitor) *http.Cookie {
	for _, c := range v.http.Jar.Cookies(&url.URL{Scheme: "http", Host: "wiki.localhost:" + d.port, Path: "/"}) {
		if c.Name == "__Host-lh-app" {
			return c
		}
	}
	return nil
}

func (d *desk) check(ts *testscript.TestScript, _ bool, args []string) {
	request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+d.port+"/_sso/check/nginx", nil)
	ts.Check(err)
	request.Header.Set("X-Original-URL", "http://wiki.localhost:"+d.port+"/page")
	request.Header.Set("X-Original-Method", http.MethodGet)
	if v := d.visitors[args[0]]; v != nil {
		if c := d.cookie(v); c != nil {
			request.AddCookie(c)
		}
	}
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	var said bytes.Buffer
	fmt.Fprintln(&said, response.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		fmt.Fprintf(&said, "%s: %s\n", name, strings.Join(response.Header[name], ", "))
	}
	ts.Stdout().Write(said.Bytes())
}

func (d *desk) showCookie(ts *testscript.TestScript, _ bool, args []string) {
	_, err := fmt.Fprintln(ts.Stdout(), d.cookie(d.visitors[args[0]]).Value)
	ts.Check(err)
}

func (d *desk) publish(_ *testscript.TestScript, _ bool, args []string) {
	d.dns.Publish(args[0], args[1])
}
