package limit

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the property tests run for minutes with LONG=1.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("LONG") == "1" {
		if err := flag.Set("rapid.checks", "10000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
