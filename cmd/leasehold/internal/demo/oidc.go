package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// OIDC is an OpenID provider that knows the demo's people and one client: the code flow with PKCE, ID tokens of ES256.
type OIDC struct {
	issuer, client, secret, redirect string
	key                              jose.JSONWebKey
	signer                           jose.Signer

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code stands for, once.
type grant struct {
	person    Person
	nonce     string
	challenge string
	at        time.Time
}

// NewOIDC makes the provider at an issuer, for one client, with a key of its own.
func NewOIDC(issuer, client, secret, redirect string) (*OIDC, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key := jose.JSONWebKey{Key: private, KeyID: "demo", Algorithm: string(jose.ES256), Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	return &OIDC{issuer: issuer, client: client, secret: secret, redirect: redirect, key: key, signer: signer, codes: map[string]grant{}}, err
}

// ServeHTTP implements http.Handler.
func (o *OIDC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer(w, http.StatusOK, map[string]any{
			"issuer": o.issuer, "authorization_endpoint": o.issuer + "/authorize", "token_endpoint": o.issuer + "/token", "jwks_uri": o.issuer + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
			"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
			"scopes_supported": []string{"openid", "email", "profile"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		})
	case "/jwks":
		answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{o.key.Public()}})
	case "/authorize":
		o.authorize(w, r)
	case "/token":
		o.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (o *OIDC) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != o.client || q.Get("redirect_uri") != o.redirect || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "this is not a request of the demo's gateway", http.StatusBadRequest)
		return
	}
	login := r.PostFormValue("login")
	p, ok := find(login, r.PostFormValue("password"))
	if !ok {
		wrong := ""
		if login != "" {
			wrong = "That login and password do not go together."
		}
		signIn(w, "Acme by OpenID Connect", login, wrong)
		return
	}
	code := rand.Text()
	o.mu.Lock()
	o.codes[code] = grant{p, q.Get("nonce"), q.Get("code_challenge"), time.Now()}
	o.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {o.issuer}}
	http.Redirect(w, r, o.redirect+"?"+back.Encode(), http.StatusSeeOther)
}

func (o *OIDC) token(w http.ResponseWriter, r *http.Request) {
	client, secret, _ := r.BasicAuth()
	if client != o.client || subtle.ConstantTimeCompare([]byte(secret), []byte(o.secret)) != 1 {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	o.mu.Lock()
	g, ok := o.codes[code]
	delete(o.codes, code)
	o.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || time.Since(g.at) > time.Minute || base64.RawURLEncoding.EncodeToString(challenge[:]) != g.challenge {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	token, err := jwt.Signed(o.signer).Claims(map[string]any{
		"iss": o.issuer, "sub": "oidc-" + g.person.Login, "aud": o.client, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": g.at.Unix(), "nonce": g.nonce, "email": g.person.Email, "email_verified": true, "name": g.person.Name, "groups": g.person.Groups,
	}).Serialize()
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": token})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the peer is gone if it fails
}
