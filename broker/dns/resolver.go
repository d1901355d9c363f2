// Package dns asks the name servers of the operator's choice for the TXT records that prove domains. It says what the
// zone answered, and tells that apart from what nobody answered.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	wire "github.com/miekg/dns"

	"leasehold/broker"
)

// Limits of a Resolver.
const (
	// DefaultTimeout is how long one question to one server may take.
	DefaultTimeout = 2 * time.Second

	maxServers = 3 // as many as resolv.conf(5) knows
	rounds     = 2 // times that each server is asked
	maxAliases = 16
	udpSize    = 1232 // what passes unfragmented nearly everywhere (DNS flag day 2020)
)

// ErrUnanswered is that nobody could tell what stands at a name: a time-out, SERVFAIL, REFUSED, a lame or mangled
// answer. It says nothing about the domain.
var ErrUnanswered = errors.New("no answer")

// Resolver asks recursive name servers. The zero value asks the system's. It is safe for concurrent use.
type Resolver struct {
	Servers []string      // host:port, in the order in which they are asked; none: those of the system
	Timeout time.Duration // for one question to one server; 0: DefaultTimeout
	System  string        // where the system's servers are written, read at each question; "": /etc/resolv.conf
}

// TXT is the values of the TXT records at name, each record's strings joined (as RFC 7208, 3.3 does it). Octets
// that do not print are written \DDD. No such name, or no such record there, is no values and no error; every error is
// ErrUnanswered.
func (r Resolver) TXT(ctx context.Context, name string) ([]string, error) {
	if _, ok := wire.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%q is no name: %w", name, ErrUnanswered)
	}
	servers, err := r.servers()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	var faults []error
	for range rounds {
		for _, server := range servers {
			values, err := r.ask(ctx, server, name)
			if err == nil {
				return values, nil
			}
			faults = append(faults, fmt.Errorf("%s: %w", server, err))
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnanswered, errors.Join(faults...))
			}
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrUnanswered, errors.Join(faults...))
}

// Looks is what each server sees at name, each asked once.
func (r Resolver) Looks(ctx context.Context, name string) []broker.Look {
	servers, err := r.servers()
	if _, ok := wire.IsDomainName(name); err != nil || !ok {
		return nil
	}
	looks := make([]broker.Look, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() {
			looks[i].Server = server
			looks[i].Found, looks[i].Err = r.ask(ctx, server, name)
		})
	}
	asking.Wait()
	return looks
}

func (r Resolver) servers() ([]string, error) {
	if len(r.Servers) > 0 {
		return r.Servers[:min(len(r.Servers), maxServers)], nil
	}
	path := r.System
	if path == "" {
		path = "/etc/resolv.conf"
	}
	system, err := wire.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the system's name servers: %w", err)
	}
	if len(system.Servers) == 0 {
		return nil, fmt.Errorf("%s names no server", path)
	}
	var servers []string
	for _, host := range system.Servers[:min(len(system.Servers), maxServers)] {
		servers = append(servers, net.JoinHostPort(host, system.Port))
	}
	return servers, nil
}

// ask puts the question to one server: by UDP, and by TCP when the answer does not fit.
func (r Resolver) ask(ctx context.Context, server, name string) ([]string, error) {
	question := new(wire.Msg).SetQuestion(wire.Fqdn(name), wire.TypeTXT)
	question.SetEdns0(udpSize, false)
	answer, err := r.exchange(ctx, "udp", server, question)
	if err == nil && answer.Truncated {
		question.Id = wire.Id()
		answer, err = r.exchange(ctx, "tcp", server, question)
	}
	if err != nil {
		return nil, err
	}
	return read(question, answer)
}

func (r Resolver) exchange(ctx context.Context, network, server string, question *wire.Msg) (*wire.Msg, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, _, err := (&wire.Client{Net: network, Timeout: timeout}).ExchangeContext(ctx, question, server)
	return answer, err
}

// read is what the answer says about the name. It believes a no only from a server that could have known a yes.
func read(question, answer *wire.Msg) ([]string, error) {
	asked := question.Question[0]
	switch {
	case !answer.Response || answer.Opcode != wire.OpcodeQuery || len(answer.Question) != 1:
		return nil, errors.New("the answer is none")
	case !same(answer.Question[0], asked): // RFC 5452, 3
		return nil, errors.New("the answer is to another question")
	case answer.Truncated:
		return nil, errors.New("the answer is cut off, by TCP too")
	case answer.Rcode != wire.RcodeSuccess && answer.Rcode != wire.RcodeNameError:
		return nil, fmt.Errorf("the answer is %s", wire.RcodeToString[answer.Rcode])
	}
	name := follow(asked.Name, answer.Answer)
	values := valuesAt(name, answer.Answer)
	if len(values) > 0 && answer.Rcode == wire.RcodeSuccess {
		return values, nil
	}
	switch {
	case name == "":
		return nil, errors.New("the answer leads in circles")
	case !answer.RecursionAvailable && !answer.Authoritative:
		return nil, errors.New("the answer is of a server that neither knows nor asks others")
	case !answer.RecursionAvailable && name != asked.Name:
		return nil, errors.New("the answer leads to another name and stops there")
	case referral(answer):
		return nil, errors.New("the answer refers to other servers")
	}
	return nil, nil
}

func same(x, y wire.Question) bool {
	return strings.EqualFold(x.Name, y.Name) && x.Qtype == y.Qtype && x.Qclass == y.Qclass
}

// follow is the name that the aliases in an answer lead to (RFC 1034, 3.6.2), or "" when they do not end.
func follow(name string, records []wire.RR) string {
	for range maxAliases {
		at := slices.IndexFunc(records, func(r wire.RR) bool {
			_, alias := r.(*wire.CNAME)
			return alias && strings.EqualFold(r.Header().Name, name)
		})
		if at < 0 {
			return name
		}
		name = records[at].(*wire.CNAME).Target
	}
	return ""
}

// valuesAt is the values at a name: what a server put into the same answer and is about another is left aside.
func valuesAt(name string, records []wire.RR) (values []string) {
	for _, r := range records {
		if txt, ok := r.(*wire.TXT); ok && txt.Hdr.Class == wire.ClassINET && strings.EqualFold(txt.Hdr.Name, name) {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// referral reports whether the answer only names servers that may know (RFC 2308, 2.2).
func referral(answer *wire.Msg) bool {
	is := func(kind uint16) bool {
		return slices.ContainsFunc(answer.Ns, func(r wire.RR) bool { return r.Header().Rrtype == kind })
	}
	return len(answer.Answer) == 0 && answer.Rcode == wire.RcodeSuccess && is(wire.TypeNS) && !is(wire.TypeSOA)
}
