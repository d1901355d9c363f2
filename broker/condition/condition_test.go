package condition_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"

	"leasehold/broker"
	"leasehold/broker/condition"
	"leasehold/provision"
)

func engine(t testing.TB) *condition.Engine {
	t.Helper()
	e, err := condition.New()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ada is a login of Ada's on a Monday in winter, at 18:30 UTC.
func ada(t testing.TB) provision.Case {
	t.Helper()
	email, err := provision.ParseEmail("ada@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	return provision.Case{
		Time: time.Date(2026, 1, 12, 18, 30, 0, 0, time.UTC), Whence: provision.Whence{IP: "192.0.2.7", App: "wiki"}, Account: "acc_1", Email: email,
		Groups: []string{"engineering", "berlin"}, ACR: "mfa", AMR: []string{"pwd", "otp"}, Connection: "acme-saml",
	}
}

func TestAConditionLooksAtItsCase(t *testing.T) {
	e := engine(t)
	for when, want := range map[string]bool{
		`true`:  true,
		`false`: false,
		`request.time.getHours("Europe/Berlin") < 20`:                                           true, // 19:30 there
		`request.time.getHours("Europe/Berlin") < 19`:                                           false,
		`request.time.getHours("Asia/Tokyo") < 8`:                                               true,  // Tuesday, 03:30
		`request.time.getDayOfWeek("Asia/Tokyo") == 1`:                                          false, // 0 is Sunday
		`request.time.getDayOfWeek() in [1, 2, 3, 4, 5]`:                                        true,
		`request.time < timestamp("2026-01-12T18:30:01Z")`:                                      true,
		`request.time.getHours("+02:00") == 20`:                                                 true,
		`cidr("192.0.2.0/24").containsIP(request.ip)`:                                           true,
		`cidr("2001:db8::/32").containsIP(request.ip)`:                                          false,
		`["192.0.2.7", "192.0.2.8"].exists(a, a == request.ip)`:                                 true,
		`request.app in ["", "wiki"]`:                                                           true,
		`account.email == "ada@acme.test" && account.domain == "acme.test" && account.id != ""`: true,
		`"engineering" in account.groups && !("board" in account.groups)`:                       true,
		`account.groups.exists(g, g.startsWith("eng"))`:                                         true,
		`login.acr == "mfa" && "otp" in login.amr && login.connection == "acme-saml"`:           true,
		`login.connection == "acme-saml" ? size(login.amr) == 3 : true`:                         false,
	} {
		if err := e.Fault(when); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if got, err := e.Holds(context.Background(), when, ada(t)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", when, got, err, want)
		}
	}
}

func TestAConditionThatCannotBeUsedIsAFaultWhenItIsSaved(t *testing.T) {
	e := engine(t)
	for when, part := range map[string]string{
		`request.tme < 1`:                             "undeclared reference",
		`request.time < 20`:                           "no matching overload",
		`request.time.getHours("Europe/Berlin")`:      "type int",
		`"true"`:                                      "type string",
		`request.time.getHours("Europe/Berln") < 20`:  "no time zone",
		`request.time.getHours("Local") < 20`:         "no time zone",
		`request.time.getHours(request.app) < 20`:     "written out",
		`cidr("192.0.2.0/33").containsIP(request.ip)`: "cidr",
		`cidr("192.0.2.1/24").containsIP(request.ip)`: "no network",
		`request.time < timestamp("tomorrow")`:        "timestamp",
		`account.email.matches("(a+)+$")`:             "undeclared reference",
		`true &&`:                                     "column",
		``:                                            "",
		strings.Repeat("(", 2000):                     "",
		strings.Repeat("!", 3000) + "true":            "bytes",
		"true ||\n  request.tme":                      "line 2, column 10",
		`account.groups.exists(a, account.groups.exists(b, account.groups.exists(c, a + b == c)))`: "",
		`account.groups.exists(a, account.groups.exists(b, a == b))`:                               "may cost",
		`account.groups.map(a, account.groups).map(a, a.map(b, account.groups)).size() > 0`:        "",
	} {
		err := e.Fault(when)
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.80s: %v, want a fault about %q", when, err, part)
		}
		if holds, err := e.Holds(context.Background(), when, ada(t)); holds || err == nil {
			t.Errorf("%.80s: holds %v, %v", when, holds, err)
		}
	}
}

func TestAnErrorWhenItIsEvaluatedDoesNotHold(t *testing.T) { // I14
	e := engine(t)
	nowhere := ada(t)
	nowhere.Whence = provision.Whence{}
	for when, c := range map[string]provision.Case{
		`cidr("192.0.2.0/24").containsIP(request.ip)`:  nowhere,
		`account.groups[7] == "x"`:                     ada(t),
		`int(account.id) > 0`:                          ada(t),
		`10 / size(login.amr.filter(a, a == "x")) > 1`: ada(t),
	} {
		if err := e.Fault(when); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if holds, err := e.Holds(context.Background(), when, c); holds || err == nil {
			t.Errorf("%s: holds %v, %v", when, holds, err)
		}
	}
	if holds, err := e.Holds(context.Background(), `size(account.groups) == 0 && size(login.amr) == 0`, provision.Case{}); !holds || err != nil {
		t.Errorf("of the zero case: %v, %v", holds, err)
	}
}

func TestAnEvaluationStopsAtItsLimitsWhateverTheCase(t *testing.T) {
	e, huge := engine(t), ada(t)
	for i := range 200_000 {
		huge.Groups = append(huge.Groups, fmt.Sprint("group ", i))
	}
	when := `!account.groups.exists(g, g.endsWith("x"))`
	began := time.Now()
	if holds, err := e.Holds(context.Background(), when, huge); holds || err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("beyond the cost: %v, %v", holds, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	huge.Groups = huge.Groups[:1000]
	if holds, err := e.Holds(ctx, when, huge); holds || err == nil {
		t.Errorf("interrupted: %v, %v", holds, err)
	}
	if holds, err := e.Holds(context.Background(), when, huge); !holds || err != nil {
		t.Errorf("a thousand groups: %v, %v", holds, err)
	}
}

func TestItIsKnownWhatAConditionLooksAt(t *testing.T) {
	e := engine(t)
	for when, want := range map[string]broker.Uses{
		`"x" in account.groups`:                                              {},
		`request.time.getHours() < 20`:                                       {Time: true},
		`request.ip == "" || request.app == ""`:                              {Whence: true},
		`[request.time].all(t, t.getHours() < 20) && request.app.size() > 0`: {Time: true, Whence: true},
		`nonsense`: {},
	} {
		if got := e.Uses(when); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
}

// The examples of the documentation are those that compile, each on a line of its own in a block of CEL.
func TestTheConditionsOfTheDocumentationCanBeUsed(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	e, seen := engine(t), 0
	for _, block := range strings.Split(string(text), "```cel\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for example := range strings.Lines(block) {
			seen++
			if err := e.Fault(strings.TrimSpace(example)); err != nil {
				t.Errorf("%s: %v", example, err)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d examples are seen", seen)
	}
}

func TestTimesInTimeZonesAreThoseOfTheLanguage(t *testing.T) {
	plain, err := cel.NewEnv(cel.Variable("t", cel.TimestampType))
	if err != nil {
		t.Fatal(err)
	}
	e := engine(t)
	for _, function := range []string{"getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "getMilliseconds"} {
		for _, zone := range []string{"Europe/Berlin", "Asia/Kathmandu", "UTC", "-05:30", "+13:45", "02:00"} {
			call := fmt.Sprintf("t.%s(%q)", function, zone)
			checked, issues := plain.Compile(call)
			if issues.Err() != nil {
				t.Fatal(issues.Err())
			}
			program, err := plain.Program(checked)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{time.Date(2025, 12, 31, 23, 59, 58, 987_000_000, time.UTC), time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)} {
				want, _, err := program.Eval(map[string]any{"t": at})
				if err != nil {
					t.Fatal(err)
				}
				when := fmt.Sprintf("request.%s == %v", strings.Replace(call, "t.", "time.", 1), want.Value())
				c := ada(t)
				c.Time = at
				if holds, err := e.Holds(context.Background(), when, c); !holds || err != nil {
					t.Errorf("at %s %s: %v, %v", at, when, holds, err)
				}
			}
		}
	}
}

func BenchmarkHolds(b *testing.B) {
	e, c := engine(b), ada(b)
	for b.Loop() {
		if holds, err := e.Holds(context.Background(), `request.time.getHours("Europe/Berlin") < 20 && "engineering" in account.groups`, c); !holds || err != nil {
			b.Fatal(holds, err)
		}
	}
}
