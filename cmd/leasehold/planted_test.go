package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"leasehold/idp/oidc/oidctest"
	"leasehold/idp/saml/samltest"
)

// planted are secrets by name.
type planted map[string][]byte

// plant adds a secret. Of a long one its middle is looked for, so that a part of it is found, too.
func (p planted) plant(t *testing.T, name string, secret []byte) {
	t.Helper()
	if len(secret) < 8 {
		t.Fatalf("%s is too short to be looked for: %q", name, secret)
	}
	if len(secret) > 64 {
		secret = secret[len(secret)/2-24 : len(secret)/2+24]
	}
	p[name] = secret
}

// forms are what a secret looks like in clear, in hex, in a URL, and in base64 at any place in a longer text.
func forms(secret []byte) [][]byte {
	hexed := hex.EncodeToString(secret)
	found := [][]byte{secret, []byte(hexed), []byte(strings.ToUpper(hexed)), []byte(url.QueryEscape(string(secret)))}
	for skip := range 3 {
		whole := secret[skip:]
		whole = whole[:len(whole)/3*3]
		found = append(found, []byte(base64.StdEncoding.EncodeToString(whole)), []byte(base64.URLEncoding.EncodeToString(whole)))
	}
	return found
}

// wantNone looks for every secret in a text.
func (p planted) wantNone(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, secret := range p {
		for _, form := range forms(secret) {
			if bytes.Contains(text, form) {
				t.Errorf("%s holds %s, as %q", where, name, form)
				break
			}
		}
	}
}

func TestASecretIsFoundInEveryForm(t *testing.T) {
	secrets := planted{}
	secrets.plant(t, "one", []byte("correct horse"))
	for _, text := range []string{
		"a correct horse b", "636f727265637420686f727365", base64.StdEncoding.EncodeToString([]byte("correct horse")),
		base64.RawURLEncoding.EncodeToString([]byte(`{"a":"correct horse"}`)), base64.StdEncoding.EncodeToString([]byte(`{"ab":"correct horse"}`)), "correct+horse",
	} {
		found := false
		for _, form := range forms(secrets["one"]) {
			found = found || bytes.Contains([]byte(text), form)
		}
		if !found {
			t.Errorf("not found in %q", text)
		}
	}
}

// TestNoSecretIsInAnyOutputOrFile plays a story with secrets of every kind, and looks for them in all that was said and
// in all that was written, but for the one file that is a secret.
func TestNoSecretIsInAnyOutputOrFile(t *testing.T) {
	p := newPlace(t)
	secrets, pages := planted{}, new(bytes.Buffer)
	ctx := context.Background()
	p.op.Tamper.Response = func(answer map[string]any) { answer["access_token"] = "planted-access-token" }
	p.op.Tamper.Token = func(token string) string {
		secrets.plant(t, "ID token", []byte(token))
		return token
	}
	secrets.plant(t, "access token", []byte("planted-access-token"))
	secrets.plant(t, "client secret", []byte(oidctest.ClientSecret))
	told := p.listening(t, secrets)

	ada, form := p.bySAML(t, "ada", "ada@acme.test")
	secrets.plantSAML(t, form)
	mallory, form := p.bySAML(t, "mallory", "mallory@elsewhere.test") // refused
	secrets.plantSAML(t, form)
	bob := newVisitor(p.port)
	p.op.Claims["email"] = "bob@acme.test"
	back, answer := p.logInByOIDC(bob)
	secrets.plant(t, "code", []byte("code="+answer.Get("code"))) // as it is in the address: the code itself is short
	if !p.entered(ada) || !p.entered(bob) || p.entered(mallory) {
		t.Fatalf("the story goes otherwise: ada %t, bob %t, mallory %t; %s", p.entered(ada), p.entered(bob), p.entered(mallory), back.words())
	}
	pages.WriteString(p.refusedByProtocol(t, secrets))
	for name, v := range map[string]*visitor{"ada": ada, "bob": bob, "mallory": mallory} {
		for _, host := range []string{"sso", "wiki"} {
			for _, c := range v.http.Jar.Cookies(&url.URL{Scheme: "http", Host: host + ".localhost:" + p.port, Path: "/"}) {
				secrets.plant(t, name+"'s cookie "+c.Name, []byte(c.Value))
			}
		}
		for _, path := range []string{"/", "/login", "/nowhere", "/_sso/me", "/idp/acme-oidc/callback?code=" + answer.Get("code") + "&state=" + answer.Get("state"), "/idp/acme-saml/resume?attempt=x&note=y"} {
			if got, err := v.get(ctx, p.sso(path)); err == nil {
				pages.WriteString(got.body)
			}
		}
	}
	for _, key := range []string{"session", "assertion", "connection acme-saml", "master"} {
		if done := p.says(append([]string{"key", "rotate"}, strings.Fields(key)...)...); !strings.Contains(done, "done") && !strings.Contains(done, "published") {
			t.Errorf("rotation of %s says %q", key, done)
		}
	}
	if done := p.says("lease", "list", "--json"); !strings.Contains(done, "acc_") {
		t.Fatal(done)
	} else if id := regexp.MustCompile(`acc_\w+`).FindString(done); !strings.Contains(p.says("revoke", "--account", id, "--reason", "gone"), "done") {
		t.Errorf("%s is not revoked", id)
	}
	bodies := <-told
	secrets.plantKeys(t, p)
	if len(secrets) < 20 {
		t.Fatalf("%d secrets are looked for: %v", len(secrets), secrets)
	}

	said := p.everything(t)
	said["deliveries"], said["a webhook"] = []byte(p.says("delivery", "list", "--all", "--json")), bodies
	p.searchFiles(t, secrets) // what a copy of the folder would hold that is made while it serves
	p.halt()
	said["the audit, exported"] = []byte(p.says("audit", "export"))
	said["a backup"] = []byte(p.says("backup", "-"))
	said["the log"], said["pages"] = []byte(p.log.String()), pages.Bytes()
	for where, text := range said {
		if len(text) < 10 {
			t.Errorf("%s says next to nothing: %q", where, text)
		}
		secrets.wantNone(t, where, text)
	}
	if !bytes.Contains(said["a backup"], []byte(`"Kind":"session.ended"`)) {
		t.Error("the backup does not hold what apps are told")
	}
	wantNobodyIn(t, p.log.String())
	p.searchFiles(t, secrets)
}

// listening has wiki told of ends, by a planted secret: what it is told first comes out, headers and body.
func (p *place) listening(t *testing.T, secrets planted) <-chan []byte {
	t.Helper()
	told, folder := make(chan []byte, 16), filepath.Dir(p.config)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, value := range r.Header {
			body = append(body, "\n"+strings.Join(value, " ")...)
		}
		select {
		case told <- body:
		default: // the first is enough
		}
	}))
	t.Cleanup(hook.Close)
	manifest := filepath.Join(folder, "tenants.d/acme.yaml")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("tenants: [acme]}"), []byte(`tenants: [acme], notify: {url: "`+hook.URL+`", secret_file: ../hook.txt}}`), 1)
	secret := []byte("planted-webhook-secret-of-many-bytes")
	secrets.plant(t, "webhook secret", secret)
	for path, text := range map[string][]byte{manifest: text, filepath.Join(folder, "hook.txt"): secret} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if done := p.says("apply", "-f", manifest); !strings.Contains(done, "notify.secret: (none) → set") {
		t.Fatalf("apply says %s", done)
	}
	return told
}

// refusedByProtocol plays answers that their reader refuses: what was wrong with them is kept, for doctor.
func (p *place) refusedByProtocol(t *testing.T, secrets planted) (pages string) {
	t.Helper()
	v, address := p.sentToProvider(t, "acme-saml")
	form := p.provider.Respond(t, address, samltest.Answer{Person: mallory(), Tamper: func(doc string) string { return strings.Replace(doc, ">mallory<", ">planted-name<", 1) }})
	secrets.plantSAML(t, form)
	pages += comes(t)(v.post(context.Background(), p.sso("/idp/acme-saml/acs"), form)).body
	honest := p.op.Tamper
	defer func() { p.op.Tamper = honest }()
	p.op.Tamper.Token = func(token string) string {
		token = honest.Token(token)
		return token[:len(token)-4] + "AAAA"
	}
	v, address = p.sentToProvider(t, "acme-oidc")
	pages += comes(t)(v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+p.op.Login(t, address).Encode()))).body
	p.op.Tamper.Handle = map[string]http.HandlerFunc{"/token": func(w http.ResponseWriter, r *http.Request) { // it says back what it was sent
		_ = r.ParseForm()
		secrets.plant(t, "PKCE verifier", []byte(r.PostForm.Get("code_verifier")))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"`+r.PostForm.Encode()+`"}`)
	}}
	v, address = p.sentToProvider(t, "acme-oidc")
	return pages + comes(t)(v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+p.op.Login(t, address).Encode()))).body
}

// wantNobodyIn looks for people in a log that says everything it can.
func wantNobodyIn(t *testing.T, log string) {
	t.Helper()
	log = strings.ReplaceAll(log, "tenant acme: contact: it@acme.test", "") // an organisation's, in its manifest, for everybody to read
	for _, who := range []string{"@acme.test", "@elsewhere.test", `"ada"`, "ada ", "mallory", "bob", `"127.0.0.1"`, "Go-http-client"} {
		if at := strings.Index(log, who); at >= 0 {
			t.Errorf("the log says %q: …%s…", who, log[max(0, at-200):min(len(log), at+60)])
		}
	}
	for _, step := range []string{`"msg":"login","request":"req_`, `"step":"POST /idp/{connection}/acs"`, `"step":"GET /_sso/finish"`, `"msg":"operator","request":"req_`} {
		if !strings.Contains(log, step) {
			t.Errorf("no line of the log has %s", step)
		}
	}
}

// bySAML is a browser that logged in, or tried to, and what it posted.
func (p *place) bySAML(t *testing.T, subject, email string) (*visitor, url.Values) {
	t.Helper()
	v, ctx := newVisitor(p.port), context.Background()
	wiki := url.QueryEscape("http://wiki.localhost:" + p.port + "/")
	there, err := v.get(ctx, p.sso("/login?connection=acme-saml&rd="+wiki))
	if err != nil {
		t.Fatal(err)
	}
	form := p.provider.Answer(t, there.url, samltest.Person{Subject: subject, Email: email})
	if _, err := v.post(ctx, p.sso("/idp/acme-saml/acs"), form); err != nil {
		t.Fatal(err)
	}
	if _, err := v.get(ctx, "http://wiki.localhost:"+p.port+"/_sso/start?rd=/"); err != nil {
		t.Fatal(err)
	}
	return v, form
}

func (p planted) plantSAML(t *testing.T, form url.Values) {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
	if err != nil {
		t.Fatal(err)
	}
	signature := regexp.MustCompile(`<(?:\w+:)?SignatureValue>([^<]+)<`).FindSubmatch(document)
	if signature == nil {
		t.Fatalf("no signature in %s", document)
	}
	n := string('0' + rune(len(p)%10))
	p.plant(t, "SAML response "+n, []byte(form.Get("SAMLResponse")))
	p.plant(t, "SAML signature "+n, signature[1])
}

// plantKeys plants the master key and every key that it wraps.
func (p planted) plantKeys(t *testing.T, at *place) {
	t.Helper()
	ctx := context.Background()
	master, err := os.ReadFile(at.gateway.config.MasterKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	p.plant(t, "master key", master)
	names, err := at.gateway.store.KeyNames(ctx, "", "\xff", 1000)
	if err != nil || len(names) == 0 {
		t.Fatalf("%d keys: %v", len(names), err)
	}
	for _, name := range names {
		secret, err := at.gateway.keys.Secret(ctx, name)
		if err != nil {
			t.Fatalf("key %s: %v", name, err)
		}
		p.plant(t, "key "+name, secret)
	}
}

// everything is all that a running server says to its operators.
func (p *place) everything(t *testing.T) map[string][]byte {
	t.Helper()
	said := map[string][]byte{}
	for _, kind := range []string{"tenant", "domain", "connection", "app", "account", "lease"} {
		said[kind+" list"] = []byte(p.says(kind, "list", "--json"))
	}
	for kind, id := range map[string]string{"tenant": "acme", "domain": "acme.test", "connection": "acme-oidc", "app": "wiki"} {
		said[kind+" show"] = []byte(p.says(kind, "show", id, "--json"))
	}
	said["connection show acme-saml"] = []byte(p.says("connection", "show", "acme-saml"))
	said["apply"] = []byte(p.says("apply", "-f", filepath.Join(filepath.Dir(p.config), "tenants.d/acme.yaml"), "--dry-run", "--json"))
	said["check-config"] = []byte(p.says("check-config", "--json"))
	tail := p.says("audit", "tail")
	said["audit tail"] = []byte(tail)
	refused := regexp.MustCompile(`"decision":\{"id":"(dec_\w+)"`).FindAllStringSubmatch(tail, -1)
	for _, ref := range refused {
		said["doctor "+ref[1]] = []byte(p.says("doctor", ref[1], "--json"))
	}
	if len(refused) < 3 {
		t.Errorf("%d decisions in %s", len(refused), tail)
	}
	unread := regexp.MustCompile(`"id":"(evt_\w+)"[^\n]*"event":"login","outcome":"denied"`).FindAllStringSubmatch(tail, -1)
	for _, ref := range unread {
		said["doctor "+ref[1]] = []byte(p.says("doctor", ref[1], "--json"))
	}
	if len(unread) < 3 {
		t.Errorf("%d refusals by a protocol in %s", len(unread), tail)
	}
	for name, args := range map[string][]string{
		"the error of a reference": {"doctor", "dec_nothing"}, "the error of a key": {"key", "rotate", "connection", "nobody"}, "the error of a manifest": {"apply", "-f", p.config},
	} {
		said[name] = []byte(p.says(args...))
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		response, err := http.Get("http://127.0.0.1:" + p.ops + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		said[path] = append([]byte(response.Status+" of "+path+"\n"), text...)
	}
	return said
}

// searchFiles looks into every file of the data folder but the master key's own.
func (p *place) searchFiles(t *testing.T, secrets planted) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(p.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path == p.gateway.config.MasterKeyFile {
			return err
		}
		text, err := os.ReadFile(path)
		read += len(text)
		secrets.wantNone(t, path, text)
		return err
	})
	if err != nil || read < 10_000 {
		t.Errorf("%d bytes read: %v", read, err)
	}
}
