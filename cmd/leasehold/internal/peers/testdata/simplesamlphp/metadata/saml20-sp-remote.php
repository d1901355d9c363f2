<?php
// Every service provider in sp/*.xml, read anew on every request. The "sp" knob has the last word on their options.
$dir = getenv('PEER_DIR');
$knobs = json_decode(file_get_contents("$dir/knobs.json"), true);
foreach (glob("$dir/sp/*.xml") as $file) {
    foreach (SimpleSAML\Metadata\SAMLParser::parseDescriptorsFile($file) as $entity) {
        $sp = $entity->getMetadata20SP();
        if ($sp !== null) {
            unset($sp['entityDescriptor'], $sp['expire']);
            $metadata[$sp['entityid']] = array_merge($sp, $knobs['sp'] ?? []);
        }
    }
}
