package dns_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"leasehold/broker/dns"
)

const name = "_leasehold.acme.test"

// answerer answers one question; nil: silence.
type answerer func(network string, question *wire.Msg) *wire.Msg

// onePort is a free loopback port, UDP and TCP.
func onePort() (net.PacketConn, net.Listener, error) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	streams, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		packets.Close()
	}
	return packets, streams, err
}

// serve runs a name server on one loopback port, UDP and TCP.
func serve(t *testing.T, answer answerer) string {
	t.Helper()
	packets, streams, err := onePort()
	for tries := 1; err != nil && tries < 10; tries++ { // somebody else has the port for the other protocol
		packets, streams, err = onePort()
	}
	if err != nil {
		t.Fatal(err)
	}
	handler := wire.HandlerFunc(func(w wire.ResponseWriter, question *wire.Msg) {
		if reply := answer(w.RemoteAddr().Network(), question); reply != nil {
			_ = w.WriteMsg(reply)
		}
	})
	for _, server := range []*wire.Server{{PacketConn: packets, Handler: handler}, {Listener: streams, Handler: handler}} {
		ready := make(chan struct{})
		server.NotifyStartedFunc = sync.OnceFunc(func() { close(ready) })
		go func() { _ = server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return packets.LocalAddr().String()
}

// reply is an answer of a server that has authority, with records in the form of a zone file.
func reply(question *wire.Msg, rcode int, records ...string) *wire.Msg {
	m := new(wire.Msg).SetRcode(question, rcode)
	m.Authoritative = true
	for _, line := range records {
		record, err := wire.NewRR(line)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, record)
	}
	return m
}

// always is an answerer that answers with one reply, changed.
func always(rcode int, change func(*wire.Msg), records ...string) answerer {
	return func(_ string, question *wire.Msg) *wire.Msg {
		m := reply(question, rcode, records...)
		if change != nil {
			change(m)
		}
		return m
	}
}

func ask(servers ...string) ([]string, error) {
	return dns.Resolver{Servers: servers, Timeout: 200 * time.Millisecond}.TXT(context.Background(), name)
}

func record(value string) string { return name + ". 60 IN TXT " + value }

func withNS(kind string) func(*wire.Msg) {
	return func(m *wire.Msg) {
		r, err := wire.NewRR("acme.test. 60 IN " + kind)
		if err != nil {
			panic(err)
		}
		m.Ns = []wire.RR{r}
	}
}

func resolving(m *wire.Msg) { m.Authoritative, m.RecursionAvailable = false, true }

func TestWhatAZoneAnswers(t *testing.T) {
	soa, ns := withNS("SOA ns. hostmaster. 1 2 3 4 5"), withNS("NS ns.acme.test.")
	tests := map[string]struct {
		answer answerer
		want   []string
	}{
		"several records":                          {always(0, nil, record(`"a"`), record(`"b"`)), []string{"a", "b"}},
		"the strings of one record are joined":     {always(0, nil, record(`"leasehold-" "proof=" "x"`)), []string{"leasehold-proof=x"}},
		"octets that do not print are written out": {always(0, nil, record(`"\027[31m"`)), []string{`\027[31m`}},
		"another spelling of the name":             {always(0, nil, strings.ToUpper(name)+`. 60 IN TXT "a"`), []string{"a"}},
		"an alias that was followed":               {always(0, nil, name+". 60 IN CNAME x.test.", `X.test. 60 IN TXT "a"`), []string{"a"}},
		"aliases in another order":                 {always(0, nil, `y.test. 60 IN TXT "a"`, "x.test. 60 IN CNAME y.test.", name+". 60 IN CNAME x.test."), []string{"a"}},
		"a record of another name is left aside":   {always(0, nil, `acme.test. 60 IN TXT "a"`), nil},
		"a record beside the alias is left aside":  {always(0, resolving, name+". 60 IN CNAME x.test.", record(`"a"`)), nil},
		"a record of another class is left aside":  {always(0, nil, name+`. 60 CH TXT "a"`), nil},
		"another kind of record":                   {always(0, nil, name+". 60 IN A 192.0.2.1"), nil},
		"no such name":                             {always(wire.RcodeNameError, soa), nil},
		"no such name, and a record all the same":  {always(wire.RcodeNameError, nil, record(`"a"`)), nil},
		"no such record":                           {always(0, soa), nil},
		"no such record, by a resolver":            {always(0, resolving), nil},
		"no such record, of a zone that says who serves it too": {always(0, func(m *wire.Msg) {
			soa(m)
			start := m.Ns
			ns(m)
			m.Ns = append(m.Ns, start...)
		}), nil},
		"an alias to nothing, by a resolver": {always(wire.RcodeNameError, resolving, name+". 60 IN CNAME x.test."), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ask(serve(t, test.answer))
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	yes := record(`"a"`)
	tests := map[string]answerer{
		"silence":                      func(string, *wire.Msg) *wire.Msg { return nil },
		"SERVFAIL":                     always(wire.RcodeServerFailure, nil),
		"SERVFAIL with a record":       always(wire.RcodeServerFailure, nil, yes),
		"REFUSED":                      always(wire.RcodeRefused, nil),
		"FORMERR":                      always(wire.RcodeFormatError, nil),
		"cut off by TCP too":           always(0, func(m *wire.Msg) { m.Truncated = true }, yes),
		"a lame no":                    always(0, func(m *wire.Msg) { m.Authoritative = false }),
		"a lame no such name":          always(wire.RcodeNameError, func(m *wire.Msg) { m.Authoritative = false }),
		"a referral":                   always(0, func(m *wire.Msg) { resolving(m); withNS("NS ns.acme.test.")(m) }),
		"an alias that nobody follows": always(0, nil, name+". 60 IN CNAME x.test."),
		"aliases in a circle":          always(0, nil, name+". 60 IN CNAME x.test.", "x.test. 60 IN CNAME "+name+".", yes+"x"),
		"another name's question":      always(0, func(m *wire.Msg) { m.Question[0].Name = "acme.test." }, yes),
		"another type's question":      always(0, func(m *wire.Msg) { m.Question[0].Qtype = wire.TypeA }, yes),
		"no question":                  always(0, func(m *wire.Msg) { m.Question = nil }, yes),
		"a question":                   always(0, func(m *wire.Msg) { m.Response = false }, yes),
		"another message's id":         always(0, func(m *wire.Msg) { m.Id++ }, yes),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ask(serve(t, answer))
			if !errors.Is(err, dns.ErrUnanswered) || len(got) > 0 {
				t.Errorf("got %q, %v, want ErrUnanswered", got, err)
			}
		})
	}
}

func TestAnAnswerThatDoesNotFitIsAskedForByTCP(t *testing.T) {
	long := strings.Repeat("x", 200)
	var ids sync.Map
	server := serve(t, func(network string, question *wire.Msg) *wire.Msg {
		if _, again := ids.LoadOrStore(question.Id, network); again {
			t.Error("the id was used twice")
		}
		m := reply(question, 0)
		for range 20 {
			r, _ := wire.NewRR(record(`"` + long + `"`))
			m.Answer = append(m.Answer, r)
		}
		if network == "udp" {
			m.Truncate(int(question.IsEdns0().UDPSize()))
			if len(m.Answer) == 0 || question.IsEdns0().UDPSize() != 1232 {
				t.Errorf("the question allows %d octets", question.IsEdns0().UDPSize())
			}
		}
		return m
	})
	got, err := ask(server)
	if err != nil || len(got) != 20 {
		t.Errorf("got %d values, %v, want 20", len(got), err)
	}
}

func TestTheNextServerIsAskedWhenOneDoesNotAnswer(t *testing.T) {
	good := serve(t, always(0, nil, record(`"a"`)))
	for name, bad := range map[string]answerer{"silence": func(string, *wire.Msg) *wire.Msg { return nil }, "SERVFAIL": always(wire.RcodeServerFailure, nil), "REFUSED": always(wire.RcodeRefused, nil)} {
		got, err := ask(serve(t, bad), good)
		if err != nil || !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestANoIsFinal(t *testing.T) {
	var asked atomic.Int32
	second := serve(t, func(_ string, question *wire.Msg) *wire.Msg {
		asked.Add(1)
		return reply(question, 0, record(`"a"`))
	})
	got, err := ask(serve(t, always(wire.RcodeNameError, nil)), second)
	if err != nil || got != nil || asked.Load() > 0 {
		t.Errorf("got %q, %v; the second server was asked %d times", got, err, asked.Load())
	}
}

func TestSilenceCostsABoundedTime(t *testing.T) {
	var asked atomic.Int32
	silent := serve(t, func(string, *wire.Msg) *wire.Msg { asked.Add(1); return nil })
	r := dns.Resolver{Servers: []string{silent, silent, silent, silent, silent}, Timeout: 50 * time.Millisecond}
	began := time.Now()
	if _, err := r.TXT(context.Background(), name); !errors.Is(err, dns.ErrUnanswered) {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(began); took > 3*time.Second || asked.Load() > 6 {
		t.Errorf("it took %s and %d questions", took, asked.Load())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	asked.Store(0)
	if _, err := (dns.Resolver{Servers: []string{silent, silent}, Timeout: time.Minute}).TXT(ctx, name); !errors.Is(err, dns.ErrUnanswered) || asked.Load() > 1 {
		t.Errorf("after its context ended: %v, %d questions", err, asked.Load())
	}
}

func TestTheSystemsServersAreReadFromItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if _, err := (dns.Resolver{System: file}).TXT(context.Background(), name); !errors.Is(err, dns.ErrUnanswered) {
		t.Errorf("without the file: %v", err)
	}
	for text, want := range map[string]string{"search test\n": "names no server", "nameserver 127.0.0.1\noptions ndots:9\n": "127.0.0.1:53"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nobody needs to be there
		_, err := dns.Resolver{System: file}.TXT(ctx, name)
		if !errors.Is(err, dns.ErrUnanswered) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func TestWhatIsNoNameIsNotAsked(t *testing.T) {
	long := "_leasehold." + strings.Repeat("a.", 130) + "test"
	if _, err := (dns.Resolver{Servers: []string{"127.0.0.1:1"}}).TXT(context.Background(), long); !errors.Is(err, dns.ErrUnanswered) || !strings.Contains(err.Error(), "no name") {
		t.Errorf("the error is %v", err)
	}
}
