package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// Token exchange and what goes with it are for programs: no page, no cookie, and errors in the words of OAuth.

// maxTrade bounds what a workload may post: a token and a few words.
const maxTrade = 96 << 10

// The names of RFC 8693.
const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typeAgentCode   = "urn:leasehold:token-type:agent-code" // ours (RFC 8693, 3): of a person's commission
)

// workload serves one request of a program at a tenant.
func (s *server) workload(next serve) serve {
	return func(w http.ResponseWriter, r *http.Request, v visit) error {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !provision.ValidName(r.PathValue("tenant")) {
			return provision.ErrNotFound
		}
		if r.Method != http.MethodPost {
			return next(w, r, v)
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxTrade)
		if r.ParseForm() != nil {
			return s.oauthError(w, v, badForm("the form cannot be read"))
		}
		if err := next(w, r, v); err != nil {
			return s.oauthError(w, v, err)
		}
		return nil
	}
}

// badForm is a request that is not built as OAuth says.
type badForm string

func (b badForm) Error() string { return string(b) }

// errGrantType is another grant than token exchange.
var errGrantType = errors.New("grant_type is not " + grantExchange)

// oauthError answers an error as RFC 6749, 5.2, and RFC 8693, 2.2.2, have it, with the reason and the reference.
func (s *server) oauthError(w http.ResponseWriter, v visit, err error) error {
	t := s.trouble(v, err)
	reason := denial(err)
	status, code := http.StatusBadRequest, "invalid_request"
	var bad badForm
	switch {
	case errors.As(err, &bad):
		reason = provision.DocumentMalformed
	case errors.Is(err, errGrantType):
		code = "unsupported_grant_type"
	case reason == provision.AppNotGranted, reason == provision.ResourceNotGranted, reason == provision.TenantNotOfApp:
		code = "invalid_target"
	case reason == provision.GrantRefused:
		code = "invalid_scope"
	case reason == provision.SessionMissing:
		status, code = http.StatusUnauthorized, "invalid_token"
		w.Header().Set("WWW-Authenticate", "Bearer")
	case reason == provision.RateLimited, t.Status >= 500:
		status, code = t.Status, "temporarily_unavailable"
		w.Header().Set("Retry-After", retryAfter)
	case reason == "":
		status = t.Status
	}
	s.log(v, t, err)
	body := map[string]string{"error": code, "error_description": t.Say, "reference": t.Ref}
	if bad != "" {
		body["error_description"] = string(bad)
	}
	if reason != "" {
		body["reason"] = string(reason)
	}
	if means, _ := reason.Meaning(); means != "" && bad == "" { // a program's owner reads it, and has no page to ask on
		body["error_description"] = means
	}
	var denied *provision.DeniedError
	if errors.As(err, &denied) && denied.Check != "" {
		body["check"] = denied.Check
		body["error_description"] = string(reason) + ": " + denied.Check
	}
	s.json(w, status, body)
	return nil
}

// once is the value of a field that may be there once (RFC 6749, 3.2).
func once(form url.Values, name string) (string, error) {
	values := form[name]
	if len(values) > 1 {
		return "", badForm(name + " is there twice")
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}

// trade is an exchange as it was posted (RFC 8693, 2.1), by an address that may begin one more. rule, purpose and task are ours.
func (s *server) trade(r *http.Request, v visit) (broker.Trade, error) {
	if err := s.mayBegin(r); err != nil {
		return broker.Trade{}, err
	}
	x := broker.Trade{Tenant: provision.TenantID(r.PathValue("tenant")), Audience: r.PostForm["audience"], Resources: r.PostForm["resource"], Requester: v.From}
	var kind, requested, acting, actingKind string
	for _, field := range []struct {
		name string
		to   *string
	}{
		{"subject_token", &x.Token}, {"subject_token_type", &kind}, {"requested_token_type", &requested}, {"actor_token", &acting}, {"actor_token_type", &actingKind},
		{"scope", &x.Grant}, {"rule", &x.Rule}, {"purpose", &x.Purpose}, {"task", &x.Task}, {"renew", &x.Renew},
	} {
		var err error
		if *field.to, err = once(r.PostForm, field.name); err != nil {
			return x, err
		}
	}
	x.Signed = requested == typeJWT
	switch {
	case x.Token == "":
		return x, badForm("subject_token is missing")
	case kind != typeJWT && kind != typeIDToken && kind != typeAgentCode && !strings.HasPrefix(x.Token, broker.HandlePrefix): // what was given here is refused as that
		return x, badForm("subject_token_type is none of " + typeJWT + ", " + typeIDToken + ", " + typeAgentCode)
	case requested != "" && requested != typeJWT && requested != typeAccessToken:
		return x, badForm("requested_token_type is neither " + typeAccessToken + " nor " + typeJWT)
	case (acting == "") != (actingKind == ""): // RFC 8693, 2.1
		return x, badForm("actor_token and actor_token_type go together")
	case acting != "" && (kind != typeAgentCode || actingKind != typeJWT && actingKind != typeIDToken):
		return x, badForm("actor_token is taken beside a code alone, as " + typeJWT + " or " + typeIDToken)
	case x.Task != "" && !isTask(x.Task):
		return x, badForm("task has more than letters, digits and -._:~, or more than 128 of them")
	case len(x.Purpose) > 200 || printable(x.Purpose, 200) != x.Purpose:
		return x, badForm("purpose has more than 200 characters, or some that are not printable ASCII")
	case r.PostForm.Has("renew") && (!strings.HasPrefix(x.Renew, broker.HandlePrefix) || x.Signed || x.Grant+x.Rule+x.Purpose+x.Task != "" || len(x.Audience)+len(x.Resources) > 0):
		return x, badForm("renew is the handle of a lease, and goes with subject_token alone: a renewal asks for what the lease has")
	case len(x.Audience)+len(x.Resources) > 20 || len(x.Rule) > 63 || len(x.Grant) > 63:
		return x, badForm("more is asked for than anybody could be given")
	}
	if kind == typeAgentCode { // the agent is who asks, by its own token; the code says for whom
		x.Code, x.Token = x.Token, acting
	}
	return x, nil
}

// isTask reports whether s can name a task: it stands in an address and in the audit.
func isTask(s string) bool {
	return len(s) <= 128 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:~") == "" && strings.Trim(s, ".") != ""
}

// traded is the answer to an exchange (RFC 8693, 2.2.1).
type traded struct {
	Token   string `json:"access_token"`
	Issued  string `json:"issued_token_type"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Lease   string `json:"lease_id"`
	Latency int    `json:"revocation_latency"` // seconds, at most, for which the token may be taken after its lease ended
}

// exchange is the token endpoint.
func (s *server) exchange(w http.ResponseWriter, r *http.Request, v visit) error {
	if kind, err := once(r.PostForm, "grant_type"); err != nil || kind != grantExchange {
		return errors.Join(err, errGrantType)
	}
	x, err := s.trade(r, v)
	if err != nil {
		return err
	}
	t, err := s.Gate.Exchange(r.Context(), x)
	s.Metrics.exchanged(err)
	if err != nil {
		return err
	}
	answer := traded{
		Token: t.Token, Issued: typeAccessToken, Type: "Bearer", Expires: int(t.Left.Seconds()), Scope: t.Lease.Grant.Of, Lease: string(t.Lease.ID), Latency: int(t.Latency.Seconds()),
	}
	if x.Signed {
		answer.Issued = typeJWT
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Pragma", "no-cache")
	json.NewEncoder(w).Encode(answer) // an error means that the peer is gone
	return nil
}

// explanation is what would come of an exchange.
type explanation struct {
	Allowed bool        `json:"allowed"`
	Reason  string      `json:"reason,omitempty"`
	Checks  []checkSaid `json:"checks"`
}

type checkSaid struct {
	Of     string `json:"of"` // token, target, context or time
	Check  string `json:"check"`
	Holds  bool   `json:"holds"`
	Reason string `json:"reason,omitempty"`
}

// explain answers what an exchange would come to.
func (s *server) explain(w http.ResponseWriter, r *http.Request, v visit) error {
	x, err := s.trade(r, v)
	if err != nil {
		return err
	}
	if x.Renew != "" {
		return badForm("renew is not explained")
	}
	e, err := s.Gate.Explain(r.Context(), x)
	if err != nil {
		return err
	}
	said := explanation{Allowed: e.Allowed, Reason: string(e.Reason), Checks: []checkSaid{}}
	for _, c := range e.Checks {
		said.Checks = append(said.Checks, checkSaid{c.Of, c.Check, c.Reason == "", string(c.Reason)})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(said) // an error means that the peer is gone
	return nil
}

// bearer is the bearer token of a request (RFC 6750, 2.1), or "".
func bearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(token) > maxTrade {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// handle is the handle of a workload, without its prefix, when that is the bearer token of a request.
func handle(h http.Header) string {
	token, ok := strings.CutPrefix(bearer(h), broker.HandlePrefix)
	if !ok {
		return ""
	}
	return token
}

// introspected is what is said of a token that is active (RFC 7662, 2.2).
type introspected struct {
	Active   bool     `json:"active"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Type     string   `json:"token_type,omitempty"`
	Expires  int64    `json:"exp,omitempty"`
	Issued   int64    `json:"iat,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience []string `json:"aud,omitempty"`
	Issuer   string   `json:"iss,omitempty"`
	ID       string   `json:"jti,omitempty"`
	Tenant   string   `json:"tenant,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Task     string   `json:"task,omitempty"`
	Resource []string `json:"resources,omitempty"`
	Act      *actor   `json:"act,omitempty"`
}

// actor is who acts for the subject of a token (RFC 8693, 4.1).
type actor struct {
	Subject string `json:"sub"`
}

// introspect is RFC 7662: an app asks what a token that it was shown is worth.
func (s *server) introspect(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	token, err := once(r.PostForm, "token")
	if err != nil || token == "" {
		return badForm("token is missing, or there twice")
	}
	t := provision.TenantID(r.PathValue("tenant"))
	known, err := s.Gate.Introspect(r.Context(), t, token, bearer(r.Header))
	if errors.Is(err, provision.ErrNotFound) { // RFC 7662, 2.1: not for everybody
		return &provision.DeniedError{Reason: provision.SessionMissing}
	}
	if err != nil {
		return err
	}
	said := introspected{Active: known.Active}
	if l := known.Standing.Lease; known.Active {
		said = introspected{
			Active: true, Scope: l.Grant.Of, Client: l.Grant.Rule, Type: "Bearer", Expires: l.Until().Unix(), Issued: l.Start.Unix(), Subject: string(l.Account), Audience: known.Audience,
			Issuer: broker.WorkloadAudience(s.URL, t), ID: string(l.ID), Tenant: string(t), Roles: known.Standing.Roles(), Task: l.Grant.Task, Resource: l.Grant.Resources,
		}
		if agent := l.Agent.Account; agent != "" {
			said.Act = &actor{string(agent)}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(said) // an error means that the peer is gone
	return nil
}

// giveBack is RFC 7009, for tokens and for leases by their id. What is not there is as good as ended (2.2).
func (s *server) giveBack(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	token, err := once(r.PostForm, "token")
	if err != nil || token == "" {
		return badForm("token is missing, or there twice")
	}
	if err := s.Gate.GiveBack(r.Context(), provision.TenantID(r.PathValue("tenant")), token, v.From); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// endTask ends every lease of a task, for whoever has a lease in it.
func (s *server) endTask(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	task := r.PathValue("task")
	if !isTask(task) {
		return badForm("that names no task")
	}
	ended, err := s.Gate.EndTask(r.Context(), provision.TenantID(r.PathValue("tenant")), task, bearer(r.Header), v.From)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"task": task, "ended": ended}) // an error means that the peer is gone
	return nil
}

// authorizationServer is what a tenant's token endpoint says about itself (RFC 8414, 2).
func (s *server) authorizationServer(w http.ResponseWriter, r *http.Request, v visit) error {
	issuer := broker.WorkloadAudience(s.URL, provision.TenantID(r.PathValue("tenant")))
	document, err := json.Marshal(map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token", "introspection_endpoint": issuer + "/introspect", "revocation_endpoint": issuer + "/revoke",
		"jwks_uri": s.URL.String() + "/.well-known/jwks.json", "response_types_supported": []string{}, "grant_types_supported": []string{grantExchange},
		"token_endpoint_auth_methods_supported": []string{"none"}, "revocation_endpoint_auth_methods_supported": []string{"none"},
	})
	if err != nil {
		return err
	}
	return publish(w, "application/json", document)
}
