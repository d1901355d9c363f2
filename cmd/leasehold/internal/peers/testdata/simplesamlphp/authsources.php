<?php
// Everybody in people.json, read anew on every request: attributes by the name of the person and the password.
$people = json_decode(file_get_contents(getenv('PEER_DIR') . '/people.json'), true);
$sources = ['exampleauth:UserPass'];
foreach ($people as $login => $person) {
    $attributes = [];
    foreach (['uid', 'mail', 'displayName', 'groups'] as $name) {
        if (!empty($person[$name])) {
            $attributes[$name] = (array) $person[$name];
        }
    }
    $sources["$login:{$person['password']}"] = $attributes;
}
$config = ['admin' => ['core:AdminPassword'], 'people' => $sources];
