package meter_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/google/go-cmp/cmp"
)

// maxCount is more than any figure of a result can be: the sum of a few credible counts.
const maxCount = 1 << 60

func checkSane(t *testing.T, r meter.Result) {
	t.Helper()
	usages := []price.Usage{r.Usage}
	for _, o := range r.Others {
		usages = append(usages, o.Usage)
	}
	for _, u := range usages {
		for _, n := range []int64{u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.AudioInput, u.Output, u.Reasoning, u.Images, u.AudioMillis, u.Characters} {
			if n < 0 || n > maxCount {
				t.Fatalf("figure %d in %+v", n, r)
			}
		}
		if u.CachedInput+u.CacheWrite+u.CacheWrite1h > 3*u.Input || u.Reasoning > u.Output || u.AudioInput > u.Input {
			t.Fatalf("parts exceed their whole: %+v", u)
		}
	}
	if r.OutputText < 0 || r.Images < 0 || r.Known() && !r.InputKnown {
		t.Fatalf("result %+v", r)
	}
}

func seed(f *testing.F, add func(kind uint8, body []byte)) {
	for _, tc := range fixtures {
		body, err := os.ReadFile(filepath.Join("testdata", tc.file))
		if err != nil {
			f.Fatal(err)
		}
		add(uint8(tc.kind), body)
	}
}

func FuzzWhole(f *testing.F) {
	seed(f, func(kind uint8, body []byte) { f.Add(kind, body) })
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		was := bytes.Clone(body)
		checkSane(t, meter.Whole(meter.Kind(int(kind)%meter.NumKinds), meter.Options{}, body))
		if !bytes.Equal(was, body) {
			t.Fatal("the body was changed")
		}
	})
}

func FuzzStream(f *testing.F) {
	seed(f, func(kind uint8, body []byte) { f.Add(kind, body, uint16(5), uint16(77), true) })
	// The first bytes of an answer say its form, whatever comes before them.
	for _, s := range []string{
		"\n\n {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n", "\uFEFFdata: [DONE]\n\n", ": beat\r\n\r: beat\rdata: {}\r\r", "[{},{}]", "{}{}", "<html>",
		"\xef\xbbdata: x\n\n", " \uFEFF{", "event: x\n: within\ndata: y\n\n",
	} {
		for k := meter.OpenAIChat; k <= meter.GeminiEmbed; k++ {
			f.Add(uint8(k), []byte(s), uint16(1), uint16(2), true)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, stream []byte, a, b uint16, hide bool) {
		k, o := meter.Kind(int(kind)%meter.NumKinds), meter.Options{HideUsage: hide}
		want, wantOut := run(k, o, stream)
		checkSane(t, want)
		if !hide && !bytes.Equal(wantOut, stream) {
			t.Fatal("the client sees other bytes")
		}
		i := int(a) % (len(stream) + 1)
		j := i + int(b)%(len(stream)-i+1)
		each := make([]int, len(stream))
		for n := range stream {
			each[n] = n
		}
		for _, cuts := range [][]int{{i}, {i, j}, each} {
			got, out := run(k, o, stream, cuts...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("cut at %v (-want +got):\n%s", cuts, diff)
			}
			if !bytes.Equal(out, wantOut) {
				t.Fatalf("cut at %v: the client sees %q, want %q", cuts, out, wantOut)
			}
		}
	})
}
