<?php
// Settings of the provider under test. What tests change is read anew from knobs.json on every request.
$dir = getenv('PEER_DIR');
$base = getenv('PEER_BASE');
$tls = str_starts_with($base, 'https:');
$knobs = json_decode(file_get_contents("$dir/knobs.json"), true);

$config = [
    'baseurlpath' => $base,
    'certdir' => "$dir/",
    'datadir' => "$dir/data/",
    'tempdir' => "$dir/tmp",
    'loggingdir' => "$dir/",
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',

    'secretsalt' => 'a salt that only tests know',
    'auth.adminpassword' => 'only-tests-know',
    'technicalcontact_name' => 'Tests',
    'technicalcontact_email' => 'tests@example.test',
    'timezone' => 'UTC',
    'admin.checkforupdates' => false,
    'production' => true,

    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.handler' => 'errorlog', // the process's own log
    'showerrors' => true,
    'errorreporting' => false,
    'statistics.out' => [],

    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'metadata.sources' => [['type' => 'flatfile']],
    'authproc.idp' => [],
    'authproc.sp' => [],

    'store.type' => 'sql',
    'store.sql.dsn' => "sqlite:$dir/store.sqlite",
    'store.sql.prefix' => 'peer',

    // SessionNotOnOrAfter is the login's time plus this.
    'session.duration' => $knobs['session'],
    'session.datastore.timeout' => 14400,
    'session.state.timeout' => 3600,
    'session.cookie.name' => 'PeerSession',
    'session.cookie.secure' => $tls,
    'session.cookie.samesite' => $tls ? 'None' : null,
    'session.phpsession.cookiename' => 'PeerPHP',
    'session.phpsession.httponly' => true,
    'session.authtoken.cookiename' => 'PeerAuth',

    'language.available' => ['en'],
    'language.default' => 'en',
    'theme.use' => 'default',
    'assets' => ['caching' => ['max_age' => 86400, 'etag' => false]],
    'trusted.url.domains' => null,
    'proxy' => null,
];
