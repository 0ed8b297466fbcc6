package main

import (
	"bytes"
	"os"
	"testing"
)

const file = "../../../THIRD_PARTY_NOTICES"

// The file that goes with the binary and the image names every module in its present version, with its texts.
func TestNoticesAreCurrent(t *testing.T) {
	t.Parallel()
	modules, err := linked()
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) < 2 {
		t.Fatalf("modules %v, want Go and those that are linked", modules)
	}
	want, err := notices(modules)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("THIRD_PARTY_NOTICES is not what the linked modules say. Run: go generate ./cmd/airatelimit")
	}
}

func TestNotices_noLicence(t *testing.T) {
	t.Parallel()
	if _, err := notices([]module{{"example.org/bare v1.0.0", t.TempDir()}}); err == nil {
		t.Error("a module without a licence was accepted")
	}
}
