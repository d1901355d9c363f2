package main

import (
	"bytes"
	"testing"
)

func TestNothingFromOutsideSteersTheOperatorsTerminal(t *testing.T) {
	var out bytes.Buffer
	row(&out, "a\x1b[2Jb\nc\u202ed\u009be", "ä")
	if out.String() != "a�[2Jb c�d�e\tä\n" {
		t.Errorf("%q", out.String())
	}
}
