package provision_test

import "testing"

func TestDomainsThatLookAlikeResembleEachOther(t *testing.T) {
	for _, pair := range [][2]string{
		{"acme.com", "асме.com"},    // Cyrillic а, с, м, е: one script, so a name that may be registered
		{"cope.com", "соре.com"},    // Cyrillic throughout
		{"nox.com", "νοχ.com"},      // Greek throughout
		{"modern.com", "modem.com"}, // rn for m
		{"wave.com", "vvave.com"},
		{"google.test", "g00gle.test"},
		{"paypal.com", "paypa1.com"},
		{"mail.test", "mall.test"},
		{"my-bank.com", "mybank.com"},
		{"acme.com", "acne.com"},
		{"acme.com", "acme.co"},
		{"acme.com", "acmee.com"},
		{"acme.com", "amce.com"}, // two letters changed places
		{"bücher.test", "bucher.test"},
	} {
		a, b := domain(t, pair[0]).Look(), domain(t, pair[1]).Look()
		if !a.Resembles(b) || !b.Resembles(a) {
			t.Errorf("%s and %s do not", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"acme.com", "acme.com"}, {"acme.com", "rival.com"}, {"acme.com", "acorn.com"}, {"acme.test", "acme-corp.test"}, {"acme.com", "eu.acme.com"},
	} {
		a, b := domain(t, pair[0]).Look(), domain(t, pair[1]).Look()
		if a.Resembles(b) || b.Resembles(a) {
			t.Errorf("%s and %s do", pair[0], pair[1])
		}
	}
}
