package saml_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestARequestSaysWhoAsksAndWhereTheAnswerGoes(t *testing.T) {
	provider := samltest.New(t)
	provider.SSO = "https://idp.acme.test/sso?tenant=acme&x=1"
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	if !strings.HasPrefix(address, provider.SSO+"&SAMLRequest=") {
		t.Errorf("address %s, expected one of %s", address, provider.SSO)
	}
	request := samltest.ReadRequest(t, address)
	if request.ID != a.RequestID || !regexp.MustCompile(`^_[A-Z2-7]{26}$`).MatchString(request.ID) {
		t.Errorf("ID %q, attempt remembers %q", request.ID, a.RequestID)
	}
	if request.Issuer.Value != base+"metadata" || request.AssertionConsumerServiceURL != base+"acs" || request.Destination != provider.SSO ||
		request.Version != "2.0" || request.ProtocolBinding != "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" || request.RelayState != "attempt-1" {
		t.Errorf("request %+v", request)
	}
	if age := time.Since(request.IssueInstant); age < -time.Second || age > time.Minute {
		t.Errorf("issued %s ago", age)
	}
	if policy := request.NameIDPolicy; *policy.Format != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" || !*policy.AllowCreate {
		t.Errorf("policy %+v", policy)
	}
	if request.ForceAuthn != nil {
		t.Error("nobody asked for a fresh login")
	}
	if b, _ := begin(t, p); b.RequestID == a.RequestID {
		t.Error("two requests have one ID")
	}
}

func TestAFreshLoginIsForced(t *testing.T) {
	p := serviceProvider(t, samltest.New(t), nil)
	address, err := p.Begin(context.Background(), &idp.Attempt{ID: "x", Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	if forced := samltest.ReadRequest(t, address).ForceAuthn; forced == nil || !*forced {
		t.Error("ForceAuthn is missing")
	}
}

func TestNoPersistentNameIsAskedForWhereAnAttributeNamesTheSubject(t *testing.T) {
	p := serviceProvider(t, samltest.New(t), func(c *saml.Config) { c.Connection.Subject = "attribute:uid" })
	_, address := begin(t, p)
	if format := *samltest.ReadRequest(t, address).NameIDPolicy.Format; format != "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" {
		t.Errorf("format %q", format)
	}
}

func TestARequestsSignatureCoversItsQuery(t *testing.T) {
	strong := samltest.NewRSA(t, 2048)
	for name, change := range map[string]func(*saml.Config){
		"ECDSA": nil,
		"RSA":   func(c *saml.Config) { c.Key, c.Certificate = strong.Key, strong.Certificates[0] },
	} {
		t.Run(name, func(t *testing.T) {
			var key any
			p := serviceProvider(t, samltest.New(t), func(c *saml.Config) {
				if change != nil {
					change(c)
				}
				key = c.Certificate.PublicKey
			})
			address, err := p.Begin(context.Background(), &idp.Attempt{ID: "a&SigAlg=evil b"})
			if err != nil {
				t.Fatal(err)
			}
			_, query, _ := strings.Cut(address, "?")
			signed, encoded, _ := strings.Cut(query, "&Signature=")
			fields, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if fields.Get("RelayState") != "a&SigAlg=evil b" || len(fields["SigAlg"]) != 1 || len(fields) != 4 {
				t.Errorf("fields %v", fields)
			}
			encoded, _ = url.QueryUnescape(encoded)
			value, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256([]byte(signed))
			switch key := key.(type) {
			case *rsa.PublicKey:
				if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], value); err != nil || !strings.HasSuffix(fields.Get("SigAlg"), "#rsa-sha256") {
					t.Errorf("%s: %v", fields.Get("SigAlg"), err)
				}
			case *ecdsa.PublicKey:
				r, s := new(big.Int).SetBytes(value[:32]), new(big.Int).SetBytes(value[32:])
				if len(value) != 64 || !ecdsa.Verify(key, digest[:], r, s) || !strings.HasSuffix(fields.Get("SigAlg"), "#ecdsa-sha256") {
					t.Errorf("%s does not verify", fields.Get("SigAlg"))
				}
			}
		})
	}
}

func TestManyLoginsBeginAtOnce(t *testing.T) {
	p := serviceProvider(t, samltest.New(t), nil)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			a := idp.Attempt{ID: "x"}
			address, err := p.Begin(context.Background(), &a)
			if err != nil {
				t.Error(err)
				return
			}
			if id := samltest.ReadRequest(t, address).ID; id != a.RequestID {
				t.Errorf("request %q, attempt %q", id, a.RequestID)
			}
		})
	}
	wait.Wait()
}

func TestNothingIsBegunOrJudgedByMetadataThatRanOut(t *testing.T) {
	provider := samltest.New(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	provider.Now = func() time.Time { return now }
	end := now.Add(time.Hour)
	p := serviceProvider(t, provider, func(c *saml.Config) {
		c.Connection.Metadata = []byte(swap(t, "<md:EntityDescriptor ", `<md:EntityDescriptor validUntil="`+end.Format(time.RFC3339)+`" `)(string(provider.Metadata())))
		c.Now = func() time.Time { return now }
	})
	a, address := begin(t, p)
	form := provider.Answer(t, address, alice())
	if _, err := p.Verify(context.Background(), a, form); err != nil {
		t.Fatal(err)
	}
	now = end
	got, err := p.Verify(context.Background(), a, form)
	refused(t, got, err, provision.Expired)
	_, err = p.Begin(context.Background(), &a)
	refused(t, provision.Assertion{}, err, provision.Expired)
}

func TestOurMetadataNameUsOurKeyAndOurAddress(t *testing.T) {
	provider := samltest.New(t)
	var certificate string
	p := serviceProvider(t, provider, func(c *saml.Config) { certificate = base64.StdEncoding.EncodeToString(c.Certificate.Raw) })
	doc, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`entityID="` + base + `metadata"`, `AuthnRequestsSigned="true"`, certificate, `use="signing"`,
		`Location="` + base + `acs"`, `Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"`,
	} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("no %s in %s", want, doc)
		}
	}
	if strings.Contains(string(doc), "encryption") {
		t.Error("a key for encryption is offered")
	}
}

func TestKeysForEncryptionAreOfferedWhereTheConnectionReadsIt(t *testing.T) {
	provider, now, old := samltest.New(t), samltest.NewRSA(t, 2048), samltest.NewRSA(t, 2048)
	p := serviceProvider(t, provider, func(c *saml.Config) {
		c.Connection.Encryption, c.Key, c.Certificate = true, now.Key, now.Certificates[0]
		c.OldKeys = []saml.KeyPair{{Key: old.Key, Certificate: old.Certificates[0]}, {Key: provider.Key, Certificate: provider.Certificates[0]}}
	})
	doc, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var entity crewjam.EntityDescriptor
	if err := xml.Unmarshal(doc, &entity); err != nil {
		t.Fatal(err)
	}
	var uses, certificates []string
	for _, key := range entity.SPSSODescriptors[0].KeyDescriptors {
		uses, certificates = append(uses, key.Use), append(certificates, key.KeyInfo.X509Data.X509Certificates[0].Data)
		var methods []string
		for _, method := range key.EncryptionMethods {
			methods = append(methods, method.Algorithm)
		}
		want := []string{samltest.AES256GCM, samltest.AES192GCM, samltest.AES128GCM, samltest.OAEP, samltest.OAEPMGF1P}
		if key.Use == "encryption" && !slices.Equal(methods, want) {
			t.Errorf("it may be encrypted by %q", methods)
		}
	}
	if want := []string{"signing", "signing", "signing", "encryption", "encryption"}; !slices.Equal(uses, want) {
		t.Fatalf("keys for %q, want %q", uses, want)
	}
	for i, of := range []*samltest.IdP{now, old, provider, now, old} {
		if certificates[i] != base64.StdEncoding.EncodeToString(of.Certificates[0].Raw) {
			t.Errorf("key %d is another one", i)
		}
	}
}

func TestAHalfConfiguredProviderIsNotMade(t *testing.T) {
	provider := samltest.New(t)
	other := samltest.New(t)
	for name, spoil := range map[string]func(*saml.Config){
		"no connection":              func(c *saml.Config) { c.Connection.ID = "" },
		"no metadata":                func(c *saml.Config) { c.Connection.Metadata = nil },
		"no entityID":                func(c *saml.Config) { c.EntityID = "" },
		"no ACS":                     func(c *saml.Config) { c.ACS = "" },
		"no key":                     func(c *saml.Config) { c.Key = nil },
		"no certificate":             func(c *saml.Config) { c.Certificate = nil },
		"no clock":                   func(c *saml.Config) { c.Now = nil },
		"another key's certificate":  func(c *saml.Config) { c.Certificate = other.Certificates[0] },
		"an old key alone":           func(c *saml.Config) { c.OldKeys = []saml.KeyPair{{Key: other.Key}} },
		"an old key, mismatched":     func(c *saml.Config) { c.OldKeys = []saml.KeyPair{{Key: other.Key, Certificate: c.Certificate}} },
		"encryption to ECDSA":        func(c *saml.Config) { c.Connection.Encryption = true },
		"a subject of another kind":  func(c *saml.Config) { c.Connection.Subject = "sub" },
		"a subject without its name": func(c *saml.Config) { c.Connection.Subject = "attribute:" },
	} {
		t.Run(name, func(t *testing.T) {
			c := saml.Config{
				Connection: provision.Connection{ID: "acme-saml", Metadata: provider.Metadata()}, EntityID: base + "metadata", ACS: base + "acs",
				Key: provider.Key, Certificate: provider.Certificates[0], Now: time.Now,
			}
			if _, err := saml.New(c); err != nil {
				t.Fatalf("unspoilt: %v", err)
			}
			spoil(&c)
			if _, err := saml.New(c); err == nil {
				t.Error("it was made")
			}
		})
	}
}
