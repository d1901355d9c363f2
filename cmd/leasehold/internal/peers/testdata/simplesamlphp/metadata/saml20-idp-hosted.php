<?php
// The provider itself. The "idp" knob has the last word on every option.
$knobs = json_decode(file_get_contents(getenv('PEER_DIR') . '/knobs.json'), true);
$persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
$transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
$email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
$bindings = ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'];

$metadata[getenv('PEER_ENTITYID')] = array_merge([
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.pem',
    'auth' => 'people',
    'NameIDFormat' => [$persistent, $email, $transient],
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    'SingleSignOnServiceBinding' => $bindings,
    'SingleLogoutServiceBinding' => $bindings,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'saml20.sign.response' => true,
    'saml20.sign.assertion' => true,
    'sign.logout' => true,
    'authproc' => [
        // The request's NameIDPolicy picks one of these.
        1 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid', 'identifyingAttribute' => 'uid'],
        2 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'identifyingAttribute' => 'mail', 'Format' => $email],
        3 => ['class' => 'saml:TransientNameID'],
        // mail, displayName and the like go out under their OIDs, as providers have it.
        10 => ['class' => 'core:AttributeMap', 'name2oid'],
    ],
], $knobs['idp'] ?? []);
