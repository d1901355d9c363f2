package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"leasehold/provision"
)

// Address is where to listen: "host:port", or "unix:" and an absolute path.
type Address string

// Listen is the address as net.Listen wants it.
func (a Address) Listen() (network, address string) {
	if path, ok := strings.CutPrefix(string(a), "unix:"); ok {
		return "unix", path
	}
	return "tcp", string(a)
}

// Rate is so many in a stretch of time. The zero Rate allows none.
type Rate struct {
	Count int
	Per   time.Duration // a second, a minute or an hour
}

// Locator is where a database is: "sqlite" or a URL. It may hold a password, which printing leaves out.
type Locator string

// String is the locator without its passwords. What is no URL is printed only if it is the name of a database.
func (l Locator) String() string {
	u, hosts, err := l.split()
	switch {
	case l == "" || l == "sqlite":
		return string(l)
	case err != nil:
		return "[unreadable]"
	}
	query := strings.Split(u.RawQuery, "&")
	for i, parameter := range query {
		if name, _, _ := strings.Cut(parameter, "="); strings.Contains(strings.ToLower(name), "pass") {
			query[i] = name + "=xxxxx"
		}
	}
	u.Host, u.RawQuery = strings.Join(hosts, ","), strings.Join(query, "&")
	return u.Redacted()
}

// MarshalText is String.
func (l Locator) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// document is text of several lines, taken as it is.
type document []byte

// day is a date, as the first instant after it (UTC).
type day struct{ end time.Time }

// name is an id that people choose.
type name string

// parse reads text into v: one case for each type that a key may have. Its errors say what is wrong and what to do.
func parse(v reflect.Value, text string) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *document:
		*p = document(text)
	case *bool:
		*p, err = parseSwitch(text)
	case *int:
		*p, err = parseCount(text)
	case *time.Duration:
		*p, err = parseDuration(text)
	case *day:
		*p, err = parseDay(text)
	case *name:
		*p, err = name(text), checkName(text)
	case *Address:
		*p, err = Address(text), checkAddress(text)
	case *Rate:
		*p, err = parseRate(text)
	case *netip.Prefix:
		*p, err = parsePrefix(text)
	case *provision.Origin:
		*p, err = parseOrigin(text)
	case *provision.Domain:
		*p, err = parseDomain(text)
	default:
		v.SetString(text)
	}
	return err
}

// parseSwitch reads what YAML 1.1 and 1.2 together call a truth value, less the letters y and n.
func parseSwitch(text string) (bool, error) {
	switch text {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off; write one of them", text)
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no whole number from 0 on; write one", text)
	}
	return n, nil
}

var dayPart = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// parseDuration reads a Go duration that may begin with days: 90d, 1d12h, 30m, 0. A day is 24 hours.
func parseDuration(text string) (time.Duration, error) {
	rest, days := text, 0
	if m := dayPart.FindStringSubmatch(text); m != nil {
		days, _ = strconv.Atoi(m[1]) // at most five digits
		rest = m[2]
	}
	d, err := time.Duration(0), error(nil)
	if rest != "" || text == "" {
		d, err = time.ParseDuration(rest)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no length of time; write a number and its unit, as in 90d, 24h, 30m or 10s", text)
	case d < 0 || strings.HasPrefix(text, "-"):
		return 0, fmt.Errorf("%q is negative; write a length of time from 0 on", text)
	case d.Hours()+float64(days)*24 > 100*365*24:
		return 0, fmt.Errorf("%q is longer than a hundred years; write less", text)
	}
	return d + time.Duration(days)*24*time.Hour, nil
}

func parseDay(text string) (day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 2000 || t.Year() > 2999 { // beyond, the day after may be the zero time, or not fit in JSON
		return day{}, fmt.Errorf("%q is no date of this millennium; write year-month-day, as in 2027-12-31", text)
	}
	return day{t.AddDate(0, 0, 1)}, nil
}

func checkName(text string) error {
	if !provision.ValidName(text) {
		return fmt.Errorf("%q is no id; write 1 to 63 lower-case letters, digits and hyphens, with no hyphen first", text)
	}
	return nil
}

func checkAddress(text string) error {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("%q has no absolute path; write unix:/path", text)
		}
		return nil
	}
	if !isHostPort(text) {
		return fmt.Errorf("%q is no address; write host:port or unix:/path, an IPv6 address in brackets", text)
	}
	return nil
}

// isHostPort reports whether text is a host and a port number. An empty host means every address of the machine.
func isHostPort(text string) bool {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return false
	}
	host := text[:at]
	if _, err := strconv.ParseUint(text[at+1:], 10, 16); err != nil {
		return false
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && address.Is6() && strings.HasSuffix(inner, "]")
	}
	return !strings.ContainsAny(host, ":/@?# []")
}

// parseRate reads "600/m".
func parseRate(text string) (Rate, error) {
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	per, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || n < 1 || !ok {
		return Rate{}, fmt.Errorf("%q is no rate; write a number and s, m or h, as in 600/m", text)
	}
	return Rate{n, per}, nil
}

// parsePrefix reads a network, or one address as the network of itself. Bits after the prefix are a slip: 10.1.2.3/8
// is more than whoever wrote it had in mind.
func parsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" && !address.Is4In6() {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is no network; write an address, or one with a prefix length as in 10.0.0.0/8", text)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its prefix; write %s, or the address alone", text, prefix.Masked())
	}
	return prefix, nil
}

func parseOrigin(text string) (provision.Origin, error) {
	origin, err := provision.ParseOrigin(text)
	if err != nil {
		return origin, fmt.Errorf("%w; write https://host or https://host:port, without a path", err)
	}
	return origin, nil
}

func parseDomain(text string) (provision.Domain, error) {
	domain, err := provision.ParseDomain(text)
	if refused := (*provision.DomainError)(nil); errors.As(err, &refused) {
		return domain, fmt.Errorf("%q %s; write a domain that one organisation alone owns", text, refused.Why)
	}
	return domain, err
}

// checkURL is what is wrong with an address that the gateway fetches from: https, or http on this machine; no
// credentials, no fragment.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("is no URL; write https://host/path")
	case u.Scheme != "https" && (u.Scheme != "http" || !provision.IsLoopbackName(u.Hostname())):
		return errors.New("does not begin with https://; http is for loopback names only")
	case u.User != nil || u.Fragment != "":
		return errors.New("has credentials or a fragment; leave them out")
	}
	return nil
}
