package setup

import "leasehold/provision"

// vendorGuide is what to do at one make of identity provider, in the words of its own pages.
type vendorGuide struct {
	Key, Name string

	// SAML: where its page asks for what we are, and what to do around that.
	SAML                    []string
	EntityID, ACS, Metadata string // its labels for our entityID, our ACS, and where its metadata are found
	NameID                  string // what to set the subject to
	Claims                  []claimRow

	// OpenID Connect; no steps: it does not speak it.
	OIDC     []string
	Redirect string // its label for our redirect URI
	Issuer   string // what its issuer looks like
	Entra    bool   // its subjects are tid+oid, and it sends no email_verified
}

// claimRow is one thing that the provider has to say, the name that we look for by ourselves, and where it has it.
type claimRow struct{ What, Name, Source string }

// guideOf is the guide of a vendor that was chosen; one that nobody knows is any other.
func guideOf(key string) vendorGuide {
	all := guides()
	for _, g := range all {
		if g.Key == key {
			return g
		}
	}
	return all[len(all)-1]
}

// protocolOf is a protocol that was chosen.
func protocolOf(said string) string {
	if said == string(provision.OIDC) {
		return said
	}
	return string(provision.SAML)
}

const (
	persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	xmlClaims  = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
)

func guides() []vendorGuide {
	return append(cloudGuides(), ownGuides()...)
}

// cloudGuides are of providers that others run.
func cloudGuides() []vendorGuide {
	return []vendorGuide{
		{
			Key: "entra", Name: "Microsoft Entra ID",
			SAML: []string{
				"In the Entra admin center, open Enterprise applications, New application, Create your own application, and choose “not found in the gallery”.",
				"Open Single sign-on, SAML, and edit Basic SAML Configuration with the two values below.",
				"Edit Attributes & Claims as in the table below.",
				"Under Users and groups, assign at least yourself.",
			},
			EntityID: "Identifier (Entity ID)", ACS: "Reply URL (Assertion Consumer Service URL)", Metadata: "App Federation Metadata Url, under SAML Certificates",
			NameID: "Unique User Identifier: source attribute user.objectid, name identifier format Persistent",
			Claims: []claimRow{{"E-mail", xmlClaims + "emailaddress", "user.mail"}, {"Name", "http://schemas.microsoft.com/identity/claims/displayname", "user.displayname"},
				{"Groups", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "Add a group claim, “Groups assigned to the application”"}},
			OIDC: []string{
				"In the Entra admin center, open App registrations, New registration, and give the address below as redirect URI of the platform Web.",
				"Under Certificates & secrets, make a client secret and copy its Value (not its ID).",
				"Under Token configuration, add the optional claim email of the ID token.",
			},
			Redirect: "Redirect URI (Web)", Issuer: "https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0", Entra: true,
		},
		{
			Key: "okta", Name: "Okta",
			SAML: []string{
				"In the Okta admin console, open Applications, Create App Integration, SAML 2.0.",
				"Give the two values below, and leave “Use this for Recipient URL and Destination URL” ticked.",
				"Add attribute statements as in the table below.",
				"Under Assignments, assign at least yourself.",
			},
			EntityID: "Audience URI (SP Entity ID)", ACS: "Single sign-on URL", Metadata: "Sign On, Metadata URL",
			NameID: "Name ID format: Persistent",
			Claims: []claimRow{{"E-mail", "email", "user.email"}, {"Name", "displayName", "user.displayName"}, {"Groups", "groups", "a group attribute statement with a filter"}},
			OIDC: []string{
				"In the Okta admin console, open Applications, Create App Integration, OIDC, Web Application.",
				"Give the sign-in redirect URI below, and assign at least yourself.",
				"Copy Client ID and Client secret.",
			},
			Redirect: "Sign-in redirect URIs", Issuer: "https://YOUR-ORG.okta.com",
		},
		{
			Key: "google", Name: "Google Workspace",
			SAML: []string{
				"In the Google Admin console, open Apps, Web and mobile apps, Add app, Add custom SAML app.",
				"Download the metadata on the second page; you upload the file in the next step here.",
				"Give the two values below, and tick Signed response.",
				"Add the attributes of the table below, and switch the app on for your organisational unit.",
			},
			EntityID: "Entity ID", ACS: "ACS URL", Metadata: "Download metadata (Google has no address for it)",
			NameID: "Name ID format: PERSISTENT, Name ID: Basic Information > Primary email",
			Claims: []claimRow{{"E-mail", "email", "Primary email"}, {"Name", "name", "First name"}, {"Groups", "groups", "Group membership: choose the groups"}},
			OIDC: []string{
				"In the Google Cloud console, open APIs & Services, Credentials, Create credentials, OAuth client ID, Web application.",
				"Give the redirect URI below. Let the consent screen be Internal.",
			},
			Redirect: "Authorized redirect URIs", Issuer: "https://accounts.google.com",
		},
		{
			Key: "ping", Name: "Ping Identity",
			SAML: []string{
				"In PingOne, open Applications, add an application of the type SAML Application, and choose Manually Enter.",
				"Give the two values below, and set Sign Assertion.",
				"Under Attribute Mappings, add the attributes of the table below. Switch the application on.",
			},
			EntityID: "Entity ID", ACS: "ACS URLs", Metadata: "Configuration, IDP Metadata URL",
			NameID: "SAML_SUBJECT: User ID; Subject NameID format: " + persistent,
			Claims: []claimRow{{"E-mail", "email", "Email Address"}, {"Name", "displayName", "Formatted"}, {"Groups", "groups", "Group Names"}},
			OIDC: []string{
				"In PingOne, open Applications, add an application of the type OIDC Web App.",
				"Give the redirect URI below, allow the scopes email and profile, and switch the application on.",
			},
			Redirect: "Redirect URIs", Issuer: "https://auth.pingone.eu/YOUR-ENVIRONMENT-ID/as",
		},
	}
}

// ownGuides are of providers that people run themselves, and of any other.
func ownGuides() []vendorGuide {
	return []vendorGuide{
		{
			Key: "adfs", Name: "AD FS",
			SAML: []string{
				"In AD FS Management, add a Relying Party Trust, claims aware, and enter the data manually.",
				"Enable support for SAML 2.0 WebSSO with the address below, and add the identifier below.",
				"Leave the token encryption certificate empty. Set the secure hash algorithm to SHA-256.",
				"Edit the Claim Issuance Policy: send LDAP attributes as in the table below, and transform an incoming claim to Name ID.",
			},
			EntityID: "Relying party trust identifier", ACS: "Relying party SAML 2.0 SSO service URL", Metadata: "https://YOUR-ADFS/FederationMetadata/2007-06/FederationMetadata.xml",
			NameID: "Transform objectGUID, or another claim that never changes, to Name ID with the outgoing format Persistent Identifier",
			Claims: []claimRow{{"E-mail", xmlClaims + "emailaddress", "E-Mail-Addresses as E-Mail Address"}, {"Name", "displayName", "Display-Name"}, {"Groups", "groups", "Token-Groups - Unqualified Names"}},
			OIDC: []string{
				"In AD FS Management, add an Application Group, Server application accessing a web API.",
				"Give the redirect URI below, generate a shared secret, and grant the scopes openid, email and profile.",
			},
			Redirect: "Redirect URI", Issuer: "https://YOUR-ADFS/adfs",
		},
		{
			Key: "keycloak", Name: "Keycloak",
			SAML: []string{
				"In your realm, open Clients, Create client, of the type SAML, with the client ID below.",
				"Set the valid redirect URI and the master SAML processing URL to the second value below.",
				"Switch Sign assertions on, Client signature required and Encrypt assertions off.",
				"Under Client scopes, add mappers as in the table below.",
			},
			EntityID: "Client ID", ACS: "Valid redirect URIs, and Master SAML Processing URL", Metadata: "https://YOUR-KEYCLOAK/realms/YOUR-REALM/protocol/saml/descriptor",
			NameID: "Name ID format: persistent, and Force name ID format on",
			Claims: []claimRow{{"E-mail", "email", "User Property email"}, {"Name", "displayName", "User Attribute, or a script of first and last name"}, {"Groups", "groups", "Group list, with Full group path off"}},
			OIDC: []string{
				"In your realm, open Clients, Create client, of the type OpenID Connect, with Client authentication on.",
				"Give the redirect URI below, and copy the secret under Credentials.",
			},
			Redirect: "Valid redirect URIs", Issuer: "https://YOUR-KEYCLOAK/realms/YOUR-REALM",
		},
		{
			Key: "other", Name: "Another one",
			SAML: []string{
				"Register a SAML 2.0 service provider with the two values below. Its binding is HTTP-POST; requests are signed.",
				"Have assertions signed with RSA or ECDSA and SHA-256, and not encrypted.",
				"Release the attributes of the table below. Other names can be chosen after the test login.",
			},
			EntityID: "Entity ID, or audience", ACS: "Assertion consumer service URL", Metadata: "its own metadata document",
			NameID: "NameID format: " + persistent,
			Claims: []claimRow{{"E-mail", "mail", "the address at work"}, {"Name", "displayName", "the full name"}, {"Groups", "groups", "the groups, if rules depend on them"}},
			OIDC: []string{
				"Register a confidential client for the authorization code flow, with the redirect URI below.",
				"Allow the scopes openid, email and profile, and have email and email_verified sent.",
			},
			Redirect: "Redirect URI", Issuer: "https://login.your-company.example",
		},
	}
}
