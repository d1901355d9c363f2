package main

import (
	"regexp"

	"leasehold/provision"
)

// vendor is a make of identity provider: how its issuer or entityID looks, and what is known to go wrong with it.
type vendor struct {
	name   string
	issuer *regexp.Regexp
	advice map[provision.Reason]string
}

// vendorOf is the vendor of an issuer or entityID; zero when it is no known one.
func vendorOf(issuer string) vendor {
	for _, v := range vendors() {
		if v.issuer.MatchString(issuer) {
			return v
		}
	}
	return vendor{}
}

func vendors() []vendor {
	return []vendor{
		{"Microsoft Entra ID", regexp.MustCompile(`^https://(login\.microsoftonline\.(com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)/`), map[provision.Reason]string{
			provision.EmailMissing:        "By SAML, map attributes.email to http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress, and see that the person has a mail address in the directory. By OpenID Connect, add the optional claim email.",
			provision.EmailUnverified:     "Entra ID sends no email_verified. Set trust_email, and let only administrators change addresses there.",
			provision.SubjectTransient:    "Set the claim Unique User Identifier to the format Persistent, with user.objectid as its source.",
			provision.GroupsOverage:       "Entra ID leaves groups out above 150 (SAML) or 200 (OpenID Connect). Choose “groups assigned to the application”.",
			provision.GroupMissing:        "Entra ID sends the object ids of groups unless told otherwise: write these ids into the policy, or have names sent.",
			provision.IssuerMismatch:      "The issuer has to name one directory: its tenant id, not common or organizations.",
			provision.SignatureInvalid:    "Entra ID changes the signing certificate of an application on its own: give the connection its metadata_url.",
			provision.EncryptedRefused:    "Remove the certificate under Token encryption of the application, or set encryption.",
			provision.DestinationMismatch: "Compare the Reply URL of the application.",
		}},
		{"Okta", regexp.MustCompile(`^(https?://www\.okta\.com/|https://[^/]+\.(okta|oktapreview|okta-emea)\.com(/|$))`), map[provision.Reason]string{
			provision.EmailMissing:     "Add an attribute statement, email from user.email, and map attributes.email to it; or by OpenID Connect, ask for it in the authorization server's email scope.",
			provision.GroupMissing:     "Add a group attribute statement with a filter: without one Okta sends no groups.",
			provision.SubjectTransient: "Set the Name ID format of the application to Persistent, or EmailAddress with subject: attribute:NAME.",
			provision.AudienceMismatch: "Compare Audience URI (SP Entity ID) of the application.",
		}},
		{"Google Workspace", regexp.MustCompile(`^https://accounts\.google\.com(/|$)`), map[provision.Reason]string{
			provision.EmailMissing:     "Add an attribute mapping, Primary email, and map attributes.email to its name.",
			provision.GroupMissing:     "Groups have to be chosen one by one under Group membership of the application; by OpenID Connect Google sends none.",
			provision.SubjectTransient: "Set Name ID format to PERSISTENT.",
			provision.IdPStatus:        "app_not_configured_for_user and its like: switch the application on for the person's organisational unit.",
		}},
		{"AD FS", regexp.MustCompile(`(?i)/adfs(/|$)`), map[provision.Reason]string{
			provision.EmailMissing:     "Add a claim rule that sends E-Mail-Addresses as E-Mail Address, and map attributes.email to http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress.",
			provision.SubjectMissing:   "AD FS sends a NameID only with a claim rule that transforms another claim into it.",
			provision.SubjectTransient: "Transform the claim to a Name ID of the format Persistent Identifier.",
			provision.NotYetValid:      "AD FS allows for no skew: set NotBeforeSkew of the relying party trust, and compare the clocks.",
			provision.AlgorithmRefused: "Set the secure hash algorithm of the relying party trust to SHA-256.",
			provision.EncryptedRefused: "AD FS encrypts when it has a certificate of the relying party: remove it, or set encryption.",
		}},
		{"Keycloak", regexp.MustCompile(`/realms/[^/]+/?$`), map[provision.Reason]string{
			provision.EmailMissing:     "By SAML, add a mapper of the property email, and map attributes.email to its name.",
			provision.EmailUnverified:  "Mark the address as verified in Keycloak, or set trust_email.",
			provision.SubjectTransient: "Set Name ID format of the client to persistent, and switch Force name ID format on.",
			provision.GroupMissing:     "Add a Group Membership mapper, with Full group path off if the policy has bare names.",
			provision.SignatureMissing: "Switch Sign assertions of the client on.",
			provision.EncryptedRefused: "Switch Encrypt assertions of the client off, or set encryption.",
		}},
		{"SimpleSAMLphp", regexp.MustCompile(`(?i)/(simplesaml|saml2/idp/metadata\.php|module\.php/saml/idp)`), map[provision.Reason]string{
			provision.EmailMissing:     "Attribute names depend on authproc: map attributes.email to what arrives, mail or urn:oid:0.9.2342.19200300.100.1.3.",
			provision.SubjectTransient: "SimpleSAMLphp's default NameID is transient: set saml20-idp-hosted to persistent with saml:PersistentNameID, or name a stable attribute.",
			provision.SignatureMissing: "Set saml20.sign.assertion.",
		}},
	}
}

// advise is what is known about a reason at a vendor's, and what goes for any vendor.
func (v vendor) advise(r provision.Reason) []string {
	var hints []string
	if said := v.advice[r]; said != "" {
		hints = append(hints, said)
	}
	switch r {
	case provision.Expired, provision.NotYetValid, provision.SessionOver, provision.AuthTooOld:
		hints = append(hints, "Compare both clocks with NTP: a minute of difference is allowed for.")
	case provision.AttemptUnknown:
		hints = append(hints, "A bookmark of the identity provider's page, Back, or a login page that stood open for more than ten minutes ends like this.")
	case provision.AttemptOtherBrowser:
		hints = append(hints, "Links that open in an app's own browser, and browsers that refuse cookies, end like this.")
	}
	return hints
}
