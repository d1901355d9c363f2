package web

import (
	"errors"
	"net/http"

	"leasehold/provision"
)

// answer is what a person gets to see of a refusal or an error: never more than this.
type answer struct {
	Status int
	Say    string // what happened
	Do     string // what to do about it
}

// The errors of our own pages.
var (
	errCrossOrigin = errors.New("posted by a page of another origin")
	errBadForm     = errors.New("form cannot be read")
	errSpeculative = errors.New("asked ahead of a click")
	errLoop        = errors.New("the same hand-over again and again")
	errNoCookie    = errors.New("the browser did not bring its cookie back")
)

// Advice that several answers share.
const (
	askAdmin = "Ask your administrator, and quote the reference below."
	tryAgain = "Try again. If it happens again, ask your administrator and quote the reference below."
	logIn    = "Sign in again."
)

// answers is what each reason looks like from outside. All failed checks of a protocol look the same, so that nobody
// learns from them how to do better.
func answers() map[provision.Reason]answer {
	m := map[provision.Reason]answer{}
	add := func(status int, say, do string, reasons ...provision.Reason) {
		for _, reason := range reasons {
			m[reason] = answer{status, say, do}
		}
	}
	add(403, "No organisation here knows this sign-in.", askAdmin, provision.TenantUnknown)
	add(403, "Access for your organisation is suspended.", askAdmin, provision.TenantSuspended)
	add(403, "Your organisation’s contract has ended.", askAdmin, provision.ContractEnded)
	add(403, "Your e-mail domain is not set up here.", askAdmin, provision.DomainUnknown, provision.DomainUnverified, provision.DomainForeign)
	add(403, "Your organisation’s claim to your e-mail domain could not be confirmed lately, so no new account was made.", askAdmin, provision.DomainFailing)
	add(403, "Your organisation’s claim to your e-mail domain has lapsed.", askAdmin, provision.DomainLapsed)
	add(403, "Addresses of public mail providers cannot be used here.", "Use the address your organisation gave you.", provision.DomainPublic)
	add(403, "Your identity provider may not vouch for your e-mail domain.", askAdmin, provision.DomainNotOfConnection)
	add(403, "Sign-in by this identity provider is switched off.", askAdmin, provision.ConnectionDisabled)
	add(403, "Sign-in by this identity provider waits for a confirmation.", askAdmin, provision.ConnectionHeld)
	add(403, "Your identity provider did not say clearly who you are.", askAdmin, provision.SubjectMissing, provision.SubjectTransient)
	add(403, "Your identity provider did not give a usable e-mail address for you.", askAdmin, provision.EmailMissing, provision.EmailInvalid)
	add(403, "Your identity provider does not vouch for your e-mail address.", askAdmin, provision.EmailUnverified)
	add(403, "There is already an account with your e-mail address, and it has another sign-in.", "Sign in the way you did before. On your account page you can then add this sign-in.", provision.EmailTaken)
	add(403, "This sign-in could not be added to your account.", "Sign in with the account you want to keep and try again. Both sign-ins must have the same e-mail address.", provision.LinkRefused)
	add(403, "New accounts are not made by signing in.", "Ask your administrator for an account.", provision.CreationDisabled)
	add(403, "New accounts are made by invitation only.", "Ask your administrator for an invitation.", provision.InviteRequired)
	add(403, "Your account waits for approval.", "Ask your administrator to approve it, then sign in again.", provision.ApprovalPending)
	add(403, "Your organisation has no free seat.", askAdmin, provision.SeatsFull)
	add(403, "You are not in a group that may enter.", askAdmin, provision.GroupMissing, provision.GroupForbidden)
	add(403, "Your identity provider did not list your groups because they are too many.", askAdmin, provision.GroupsOverage)
	add(403, "You have to sign in in a stronger way.", "Sign in with the second factor your organisation asks for.", provision.ACRInsufficient)
	add(403, "You have to sign in anew.", logIn, provision.AuthTooOld)
	add(403, "Your organisation’s rules do not let you in right now.", askAdmin, provision.ConditionFalse)
	add(403, "Your session at your identity provider is over.", logIn, provision.SessionOver)
	add(403, "Your account is suspended.", askAdmin, provision.AccountSuspended)
	add(403, "Your account was closed.", askAdmin, provision.AccountRevoked)

	add(403, "Your identity provider’s answer did not pass our checks.", tryAgain,
		provision.SignatureMissing, provision.SignatureInvalid, provision.AlgorithmRefused, provision.IssuerMismatch,
		provision.AudienceMismatch, provision.RecipientMismatch, provision.DestinationMismatch, provision.ConfirmationInvalid,
		provision.Expired, provision.NotYetValid, provision.Replayed, provision.Unsolicited, provision.InResponseToMismatch,
		provision.StateMismatch, provision.NonceMismatch, provision.IssMissing, provision.DocumentMalformed,
		provision.MessageTooLarge, provision.EncryptedRefused, provision.DecryptionFailed)
	add(403, "Your identity provider did not sign you in.", tryAgain, provision.IdPStatus)
	add(503, "Your identity provider cannot be reached.", "Try again in a few minutes.", provision.IdPUnreachable)
	add(403, "This sign-in took too long, or was used already.", "Go back to the app and sign in again.", provision.AttemptUnknown)
	add(403, "This sign-in began in another browser.", "Begin and finish in one browser, with cookies allowed.", provision.AttemptOtherBrowser)

	add(401, "You are not signed in.", logIn, provision.SessionMissing, provision.SessionMalformed)
	add(401, "Your session is over.", logIn, provision.LeaseEnded, provision.LeaseIdle)
	add(403, "There is no such app here.", "Check the address.", provision.AppUnknown)
	add(400, "The address to go to cannot be read.", "Open the app from its start page.", provision.TargetInvalid)
	add(403, "This request did not come the way it should.", askAdmin, provision.ProxyUntrusted, provision.HeaderAlias)
	add(403, "This app is not open to your organisation.", askAdmin, provision.TenantNotOfApp)
	add(403, "This app wants a role that you do not have.", askAdmin, provision.RoleMissing)
	add(403, "This setup link does not work any more.", "Ask whoever sent it to you for a new one.", provision.SetupUnknown)
	add(403, "This setup link was opened in another browser.", "Go on in that browser. If it was not you who opened it, tell whoever sent it to you at once.", provision.SetupOtherBrowser)
	add(403, "This page is for administrators.", askAdmin, provision.OfficeMissing)
	add(401, "The token is not good.", askAdmin, provision.TokenInvalid)
	add(403, "The token may not do this.", askAdmin, provision.ScopeMissing)
	add(503, "We cannot tell right now whether you may go on.", "You are still signed in. Try again in a moment.", provision.StoreUnavailable)
	add(429, "Too many sign-ins were begun just now.", "Wait a minute and try again.", provision.RateLimited)

	add(403, "That role is not given to you.", askAdmin, provision.ElevationRefused)
	add(403, "That role is not given for that long.", "Ask for a shorter time.", provision.ElevationTooLong)
	add(403, "A role for a while needs a reason, in a sentence or two.", "Go back and say why you need it.", provision.ElevationUnexplained)
	add(403, "That role needs a ticket.", "Go back and name the ticket.", provision.TicketMissing)
	add(403, "You have asked for that role already.", "Wait for the answer, or withdraw your request on your account page.", provision.ElevationAsked)
	add(403, "That request was decided already, or has waited too long.", "It has to be asked for anew.", provision.ElevationOver)
	add(403, "You cannot decide on that request.", "Nobody decides on a request of her own. Somebody else has to.", provision.ApproverRefused)

	answersOfWorkloads(add)
	return m
}

// answersOfWorkloads are those about workloads and agents. Programs are told more: the reason itself, and what it means.
func answersOfWorkloads(add func(status int, say, do string, reasons ...provision.Reason)) {
	add(403, "No rule lets this workload in.", askAdmin, provision.RuleUnknown, provision.RuleHeld)
	add(403, "The token is not what the rule wants.", askAdmin, provision.ClaimMissing, provision.ClaimMismatch)
	add(403, "This is not among what may be asked for.", askAdmin, provision.GrantRefused, provision.AppNotGranted, provision.ResourceNotGranted)
	add(403, "It is not given to this address.", askAdmin, provision.AddressRefused)
	add(403, "It is not given at this time.", askAdmin, provision.OutsideHours)
	add(403, "The token was issued too long ago.", "Fetch a new one and try again.", provision.TokenStale)
	add(403, "Something has to be said that was not.", "Say what it is for, and which task it belongs to.", provision.PurposeMissing, provision.TaskMissing)
	add(403, "The task has ended.", "Begin a new one.", provision.TaskEnded)
	add(403, "This lease is not renewed.", "Ask for a new one when it is over.", provision.RenewalRefused)
	add(403, "As many leases as may be live at once are.", "End one of them, or wait.", provision.TooManyLeases)
	add(403, "An agent is not given that long.", "Ask for fewer minutes, at least one.", provision.AgentTooLong)
	add(403, "The agent has to show two things: the code of a person, and its own token.", "Send both.", provision.AgentIncomplete)
	add(403, "That code is not good.", "Make a new one on the account page.", provision.CodeUnknown, provision.CodeForeign, provision.CodeOfOtherRule, provision.CodeUsed, provision.CodeExpired, provision.CodeOver)
	add(403, "What was given here is not exchanged again.", "Show the token of the workload’s own issuer.", provision.NotExchangeable)
}

// answer is the answer for a reason. One that is not in the table is a refusal all the same.
func (s *server) answer(reason provision.Reason) answer {
	if a, ok := s.answers[reason]; ok {
		return a
	}
	return answer{http.StatusForbidden, "You cannot go on.", askAdmin}
}

// answerTo is the answer for an error: a refusal's, a sentinel's, or that of a fault of ours.
func (s *server) answerTo(err error) answer {
	if reason := denial(err); reason != "" {
		return s.answer(reason)
	}
	for _, known := range []struct {
		err error
		answer
	}{
		{errCrossOrigin, answer{403, "Another site sent you here with a form.", "Go to the page yourself and try again."}},
		{errBadForm, answer{400, "What was sent cannot be read.", "Go back and try again."}},
		{errSpeculative, answer{401, "This page is not loaded ahead of time.", "Open it yourself."}},
		{errLoop, answer{403, "You were signed in several times, but the app keeps sending you back.", "Allow cookies for the app’s address and check your computer’s clock. Then try again."}},
		{errNoCookie, answer{403, "You are signed in, but your browser did not keep the app’s cookie.", "Allow cookies for this address, then open the app again."}},
		{provision.ErrUnavailable, s.answer(provision.StoreUnavailable)},
		{provision.ErrNotFound, answer{404, "There is nothing at this address.", "Check the address."}},
		{provision.ErrExpired, answer{403, "This took too long.", logIn}},
		{provision.ErrConflict, answer{409, "Something else changed at the same time.", "Try again."}},
		{provision.ErrDenied, answer{403, "You cannot go on.", askAdmin}},
		{provision.ErrCorrupt, answer{500, "Something is broken on our side.", askAdmin}},
	} {
		if errors.Is(err, known.err) {
			return known.answer
		}
	}
	return answer{500, "Something went wrong on our side.", tryAgain}
}
