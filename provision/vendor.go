package provision

import "regexp"

// Vendor is a make of identity provider: how its issuer or entityID looks, and what is known to go wrong with it.
type Vendor struct {
	Key    string // as it is chosen: "entra", "okta", …
	Name   string
	issuer *regexp.Regexp
	advice map[Reason]string
}

// VendorOf is the vendor of an issuer or entityID; zero when it is no known one.
func VendorOf(issuer string) Vendor {
	for _, v := range Vendors() {
		if v.issuer.MatchString(issuer) {
			return v
		}
	}
	return Vendor{}
}

// Vendors are those that something is known of.
func Vendors() []Vendor {
	return []Vendor{
		{"entra", "Microsoft Entra ID", regexp.MustCompile(`^https://(login\.microsoftonline\.(com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)/`), map[Reason]string{
			EmailMissing:        "By SAML, map attributes.email to http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress, and see that the person has a mail address in the directory. By OpenID Connect, add the optional claim email.",
			EmailUnverified:     "Entra ID sends no email_verified. Set trust_email, and let only administrators change addresses there.",
			SubjectTransient:    "Set the claim Unique User Identifier to the format Persistent, with user.objectid as its source.",
			GroupsOverage:       "Entra ID leaves groups out above 150 (SAML) or 200 (OpenID Connect). Choose “groups assigned to the application”.",
			GroupMissing:        "Entra ID sends the object ids of groups unless told otherwise: write these ids into the policy, or have names sent.",
			IssuerMismatch:      "The issuer has to name one directory: its tenant id, not common or organizations.",
			SignatureInvalid:    "Entra ID changes the signing certificate of an application on its own: give the connection its metadata_url.",
			EncryptedRefused:    "Remove the certificate under Token encryption of the application, or set encryption.",
			DestinationMismatch: "Compare the Reply URL of the application.",
		}},
		{"okta", "Okta", regexp.MustCompile(`^(https?://www\.okta\.com/|https://[^/]+\.(okta|oktapreview|okta-emea)\.com(/|$))`), map[Reason]string{
			EmailMissing:     "Add an attribute statement, email from user.email, and map attributes.email to it; or by OpenID Connect, ask for it in the authorization server's email scope.",
			GroupMissing:     "Add a group attribute statement with a filter: without one Okta sends no groups.",
			SubjectTransient: "Set the Name ID format of the application to Persistent, or EmailAddress with subject: attribute:NAME.",
			AudienceMismatch: "Compare Audience URI (SP Entity ID) of the application.",
		}},
		{"google", "Google Workspace", regexp.MustCompile(`^https://accounts\.google\.com(/|$)`), map[Reason]string{
			EmailMissing:     "Add an attribute mapping, Primary email, and map attributes.email to its name.",
			GroupMissing:     "Groups have to be chosen one by one under Group membership of the application; by OpenID Connect Google sends none.",
			SubjectTransient: "Set Name ID format to PERSISTENT.",
			IdPStatus:        "app_not_configured_for_user and its like: switch the application on for the person's organisational unit.",
		}},
		{"adfs", "AD FS", regexp.MustCompile(`(?i)/adfs(/|$)`), map[Reason]string{
			EmailMissing:     "Add a claim rule that sends E-Mail-Addresses as E-Mail Address, and map attributes.email to http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress.",
			SubjectMissing:   "AD FS sends a NameID only with a claim rule that transforms another claim into it.",
			SubjectTransient: "Transform the claim to a Name ID of the format Persistent Identifier.",
			NotYetValid:      "AD FS allows for no skew: set NotBeforeSkew of the relying party trust, and compare the clocks.",
			AlgorithmRefused: "Set the secure hash algorithm of the relying party trust to SHA-256.",
			EncryptedRefused: "AD FS encrypts when it has a certificate of the relying party: remove it, or set encryption.",
		}},
		{"keycloak", "Keycloak", regexp.MustCompile(`/realms/[^/]+/?$`), map[Reason]string{
			EmailMissing:     "By SAML, add a mapper of the property email, and map attributes.email to its name.",
			EmailUnverified:  "Mark the address as verified in Keycloak, or set trust_email.",
			SubjectTransient: "Set Name ID format of the client to persistent, and switch Force name ID format on.",
			GroupMissing:     "Add a Group Membership mapper, with Full group path off if the policy has bare names.",
			SignatureMissing: "Switch Sign assertions of the client on.",
			EncryptedRefused: "Switch Encrypt assertions of the client off, or set encryption.",
		}},
		{"ping", "Ping Identity", regexp.MustCompile(`^https://(auth\.pingone\.(com|eu|ca|asia|com\.au)|sso\.connect\.pingidentity\.com)(/|$)`), map[Reason]string{
			EmailMissing:     "Add an attribute mapping of the application, email from Email Address, and map attributes.email to it.",
			SubjectTransient: "Set SAML_SUBJECT of the application to User ID, and its format to persistent.",
			GroupMissing:     "Map an attribute of the application to Group Names, and map attributes.groups to it.",
			SignatureMissing: "Set Sign Assertion, or Sign Assertion & Response, in the application.",
			AudienceMismatch: "Compare Entity ID of the application.",
		}},
		{"simplesamlphp", "SimpleSAMLphp", regexp.MustCompile(`(?i)/(simplesaml|saml2/idp/metadata\.php|module\.php/saml/idp)`), map[Reason]string{
			EmailMissing:     "Attribute names depend on authproc: map attributes.email to what arrives, mail or urn:oid:0.9.2342.19200300.100.1.3.",
			SubjectTransient: "SimpleSAMLphp's default NameID is transient: set saml20-idp-hosted to persistent with saml:PersistentNameID, or name a stable attribute.",
			SignatureMissing: "Set saml20.sign.assertion.",
		}},
	}
}

// VendorCalled is the vendor of a key; zero when there is none.
func VendorCalled(key string) Vendor {
	for _, v := range Vendors() {
		if v.Key == key {
			return v
		}
	}
	return Vendor{}
}

// Advise is what is known about a reason at a vendor's, and what goes for any vendor.
func (v Vendor) Advise(r Reason) []string {
	var hints []string
	if said := v.advice[r]; said != "" {
		hints = append(hints, said)
	}
	switch r {
	case Expired, NotYetValid, SessionOver, AuthTooOld:
		hints = append(hints, "Compare both clocks with NTP: a minute of difference is allowed for.")
	case AttemptUnknown:
		hints = append(hints, "A bookmark of the identity provider's page, Back, or a login page that stood open for more than ten minutes ends like this.")
	case AttemptOtherBrowser:
		hints = append(hints, "Links that open in an app's own browser, and browsers that refuse cookies, end like this.")
	}
	return hints
}
