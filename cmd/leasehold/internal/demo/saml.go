package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// SAML is a SAML 2.0 identity provider that knows the demo's people and one service provider.
type SAML struct {
	idp saml.IdentityProvider
	sp  *saml.EntityDescriptor
}

// NewSAML makes the provider at a base URL, with a key of its own.
func NewSAML(base string, log *slog.Logger) (*SAML, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demo"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	metadata, sso := base+"/metadata", base+"/sso"
	s := &SAML{idp: saml.IdentityProvider{
		Key: key, Certificate: certificate, MetadataURL: parsed(metadata), SSOURL: parsed(sso),
		SignatureMethod: dsig.RSASHA256SignatureMethod, Logger: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	s.idp.ServiceProviderProvider, s.idp.SessionProvider = s, s
	return s, nil
}

func parsed(text string) url.URL {
	u, err := url.Parse(text)
	if err != nil {
		return url.URL{}
	}
	return *u
}

// Metadata is the provider's metadata.
func (s *SAML) Metadata() ([]byte, error) { return xml.Marshal(s.idp.Metadata()) }

// Trust makes a service provider known by its metadata.
func (s *SAML) Trust(metadata []byte) error {
	var sp saml.EntityDescriptor
	if err := xml.Unmarshal(metadata, &sp); err != nil {
		return fmt.Errorf("service provider's metadata: %w", err)
	}
	s.sp = &sp
	return nil
}

// ServeHTTP implements http.Handler.
func (s *SAML) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/metadata":
		s.idp.ServeMetadata(w, r)
	case "/sso":
		s.sso(w, r)
	default:
		http.NotFound(w, r)
	}
}

// sso answers an AuthnRequest, which the login form carries in its address.
func (s *SAML) sso(w http.ResponseWriter, r *http.Request) {
	login, password := r.PostFormValue("login"), r.PostFormValue("password")
	if r.Method == http.MethodPost { // the library reads a redirect's request
		r.Method = http.MethodGet
		r.Header.Set("X-Demo-Login", login)
		r.Header.Set("X-Demo-Password", password)
	} else {
		r.Header.Del("X-Demo-Login")
	}
	s.idp.ServeSSO(w, r)
}

// GetServiceProvider implements saml.ServiceProviderProvider.
func (s *SAML) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	if s.sp == nil || s.sp.EntityID != id {
		return nil, fmt.Errorf("service provider %q is not known here", id)
	}
	return s.sp, nil
}

// GetSession implements saml.SessionProvider: it asks who is there, each time.
func (s *SAML) GetSession(w http.ResponseWriter, r *http.Request, _ *saml.IdpAuthnRequest) *saml.Session {
	login := r.Header.Get("X-Demo-Login")
	p, ok := find(login, r.Header.Get("X-Demo-Password"))
	if !ok {
		wrong := ""
		if login != "" {
			wrong = "That login and password do not go together."
		}
		signIn(w, "Acme by SAML", login, wrong)
		return nil
	}
	now := time.Now()
	return &saml.Session{
		ID: rand.Text(), Index: rand.Text(), CreateTime: now, ExpireTime: now.Add(8 * time.Hour),
		NameID: "saml-" + p.Login, NameIDFormat: string(saml.PersistentNameIDFormat),
		UserEmail: p.Email, UserCommonName: p.Name, Groups: p.Groups,
	}
}

// Attributes are the names under which the provider says what it says.
func (*SAML) Attributes() map[string]string {
	return map[string]string{"email": "urn:oid:0.9.2342.19200300.100.1.3", "name": "urn:oid:2.5.4.3", "groups": "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"}
}
