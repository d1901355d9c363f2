package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/beevik/etree"
)

// FuzzScan: what the scanner lets through is what encoding/xml and etree read too, element by element. Inside the
// package, because the scanner is nobody else's business.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?><a:b xmlns:a="urn:x" c="d">text<e/> </a:b>`))
	f.Add([]byte(`<a><b xmlns="urn:y"><c xmlns=""/></b>&lt;&#65;</a>`))
	f.Add([]byte(`<a b="&#xA;" c='"'/>`))
	f.Add([]byte("<a>\r\n\r</a>\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := scan(doc, false)
		if err != nil {
			return
		}
		theirs := etree.NewDocument()
		if err := theirs.ReadFromBytes(doc); err != nil {
			t.Fatalf("etree refuses what was let through: %v", err)
		}
		if !bytes.Equal(written(t, root), written(t, theirs.Root())) {
			t.Errorf("read as %s, by etree as %s", written(t, root), written(t, theirs.Root()))
		}
		again, err := scan(written(t, root), false)
		if err != nil {
			t.Fatalf("its own writing is refused: %v", err)
		}
		if !bytes.Equal(written(t, root), written(t, again)) {
			t.Errorf("%s becomes %s", written(t, root), written(t, again))
		}
		decoder := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("encoding/xml refuses what was let through: %v", err)
			}
		}
	})
}

func written(t *testing.T, root *etree.Element) []byte {
	t.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(root.Copy())
	doc.WriteSettings = etree.WriteSettings{CanonicalAttrVal: true, CanonicalEndTags: true, CanonicalText: true}
	out, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
