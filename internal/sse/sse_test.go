package sse_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/sse"
	"github.com/google/go-cmp/cmp"
)

// frame is a copy of an sse.Frame.
type frame struct {
	Raw, Event, Data string
	HasData          bool
}

// scan feeds a Scanner a stream in pieces that end at cuts, and collects its frames.
func scan(limit int, stream []byte, cuts ...int) (frames []frame, raw []byte) {
	s := sse.Scanner{Limit: limit}
	take := func(f sse.Frame) {
		raw = append(raw, f.Raw...)
		if !f.Part {
			frames = append(frames, frame{string(f.Raw), string(f.Event), string(f.Data), f.Data != nil})
		}
	}
	from := 0
	for _, to := range append(cuts, len(stream)) {
		piece := bytes.Clone(stream[from:to])
		for from = to; ; {
			f, rest, ok := s.Next(piece)
			if !ok {
				break
			}
			take(f)
			piece = rest
		}
	}
	if f, ok := s.Flush(); ok {
		take(f)
	}
	return frames, raw
}

var streams = []struct {
	name, stream string
	want         []frame
}{
	{"nothing", "", nil},
	{"one event", "data: a\n\n", []frame{{"data: a\n\n", "", "a", true}}},
	{"events with names", "event: x\ndata: a\n\nevent: y\ndata: b\n\n",
		[]frame{{"event: x\ndata: a\n\n", "x", "a", true}, {"event: y\ndata: b\n\n", "y", "b", true}}},
	{"CRLF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n",
		[]frame{{"event: x\r\ndata: a\r\n\r\n", "x", "a", true}, {"data: b\r\n\r\n", "", "b", true}}},
	{"CR", "event: x\rdata: a\r\rdata: b\r\r", []frame{{"event: x\rdata: a\r\r", "x", "a", true}, {"data: b\r\r", "", "b", true}}},
	{"mixed line ends", "data: a\r\n\ndata: b\r\r\ndata: c\n\r\ndata: d\n\r",
		[]frame{{"data: a\r\n\n", "", "a", true}, {"data: b\r\r\n", "", "b", true}, {"data: c\n\r\n", "", "c", true}, {"data: d\n\r", "", "d", true}}},
	{"byte order mark", "\uFEFFdata: a\n\n\uFEFFdata: b\n\n",
		[]frame{{"\uFEFFdata: a\n\n", "", "a", true}, {"\uFEFFdata: b\n\n", "", "", false}}},
	{"comments", ": keep-alive\n\n:\ndata: a\n: b\n\n", []frame{{": keep-alive\n", "", "", false}, {"\n", "", "", false}, {":\n", "", "", false}, {"data: a\n: b\n\n", "", "a", true}}},
	{"comments that end in CR", ": a\r: b\r\ndata: a\r\r", []frame{{": a\r", "", "", false}, {": b\r\n", "", "", false}, {"data: a\r\r", "", "a", true}}},
	{"no space after the colon", "data:a\n\ndata:  a\n\n", []frame{{"data:a\n\n", "", "a", true}, {"data:  a\n\n", "", " a", true}}},
	{"colons in the value", "data: {\"a\":1}\n\n", []frame{{"data: {\"a\":1}\n\n", "", "{\"a\":1}", true}}},
	{"several data lines", "data: a\ndata\ndata:b\ndata: c\n\n", []frame{{"data: a\ndata\ndata:b\ndata: c\n\n", "", "a\n\nb\nc", true}}},
	{"a field without a colon", "data\n\n", []frame{{"data\n\n", "", "", true}}},
	{"id, retry and unknown fields", "id: 7\nretry: 10\nfoo: bar\nDATA: no\ndata: a\n\n",
		[]frame{{"id: 7\nretry: 10\nfoo: bar\nDATA: no\ndata: a\n\n", "", "a", true}}},
	{"the last event name wins", "event: x\nevent: y\ndata: a\n\n", []frame{{"event: x\nevent: y\ndata: a\n\n", "y", "a", true}}},
	{"blank lines between", "\n\r\ndata: a\n\n\n", []frame{{"\n", "", "", false}, {"\r\n", "", "", false}, {"data: a\n\n", "", "a", true}, {"\n", "", "", false}}},
	{"last event without its blank line", "data: a\n\ndata: b\n", []frame{{"data: a\n\n", "", "a", true}, {"data: b\n", "", "b", true}}},
	{"last event without its line end", "data: a\n\ndata: b", []frame{{"data: a\n\n", "", "a", true}, {"data: b", "", "b", true}}},
	{"last event ending in CR", "data: a\r", []frame{{"data: a\r", "", "a", true}}},
}

func TestFrames(t *testing.T) {
	t.Parallel()
	for _, tc := range streams {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, raw := scan(0, []byte(tc.stream))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if string(raw) != tc.stream {
				t.Errorf("raw bytes %q, want the stream %q", raw, tc.stream)
			}
		})
	}
}

func TestFramesAreTheSameHoweverTheStreamIsCut(t *testing.T) {
	t.Parallel()
	for _, tc := range streams {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			check := func(cuts ...int) {
				t.Helper()
				got, raw := scan(0, []byte(tc.stream), cuts...)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("cut at %v (-want +got):\n%s", cuts, diff)
				}
				if string(raw) != tc.stream {
					t.Errorf("cut at %v: raw bytes %q, want %q", cuts, raw, tc.stream)
				}
			}
			var all []int
			for i := range len(tc.stream) {
				all = append(all, i)
				for j := i; j <= len(tc.stream); j++ {
					check(i, j)
				}
			}
			check(all...)
		})
	}
}

func TestFrameIsHandedOutAsSoonAsItIsComplete(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"data: a\n\n", "data: a\r\n\r\n"} {
		var s sse.Scanner
		if f, _, ok := s.Next([]byte(stream)); !ok || string(f.Data) != "a" {
			t.Errorf("Next(%q) = %+v, %v; want the frame", stream, f, ok)
		}
	}
	var s sse.Scanner // a CR at the end may be half of a CRLF
	if _, _, ok := s.Next([]byte("data: a\r\r")); ok {
		t.Error("a frame ending in CR was handed out before it is known whether LF follows")
	}
	if f, rest, ok := s.Next([]byte("data: b\r\r")); !ok || string(f.Raw) != "data: a\r\r" || string(rest) != "data: b\r\r" {
		t.Errorf("Next = %+v, %q, %v; want the first frame and the second as rest", f, rest, ok)
	}
}

func TestFrameBeyondTheLimitPassesUnread(t *testing.T) {
	t.Parallel()
	long := "data: " + strings.Repeat("x", 100) + "\n\n"
	stream := "data: a\n\n" + long + "data: b\n\n" + long + "event: c\r\ndata: c\r\n\r\n"
	want := []frame{{"data: a\n\n", "", "a", true}, {"data: b\n\n", "", "b", true}, {"event: c\r\ndata: c\r\n\r\n", "c", "c", true}}
	for i := range len(stream) {
		for _, cuts := range [][]int{{i}, {i, min(i+7, len(stream))}} {
			got, raw := scan(64, []byte(stream), cuts...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("cut at %v (-want +got):\n%s", cuts, diff)
			}
			if string(raw) != stream {
				t.Fatalf("cut at %v: raw bytes differ", cuts)
			}
		}
	}
}

func TestMemoryStaysFlatInAnEndlessEvent(t *testing.T) { // not in parallel: it counts allocations
	s := sse.Scanner{Limit: 1 << 10}
	piece := bytes.Repeat([]byte("x"), 512)
	feed := func() {
		for p := piece; ; {
			_, rest, ok := s.Next(p)
			if !ok {
				return
			}
			p = rest
		}
	}
	for range 8 {
		feed()
	}
	if n := testing.AllocsPerRun(1000, feed); n > 0 {
		t.Errorf("%v allocations a piece inside an event beyond the limit, want none", n)
	}
}

func TestFlushStartsAnew(t *testing.T) {
	t.Parallel()
	s := sse.Scanner{Limit: 8}
	s.Next([]byte("data: much too long"))
	if f, ok := s.Flush(); ok {
		t.Errorf("Flush = %+v inside a frame beyond the limit, want nothing", f)
	}
	if f, _, ok := s.Next([]byte("data:a\n\n")); !ok || string(f.Data) != "a" {
		t.Errorf("Next after Flush = %+v, %v; want a frame", f, ok)
	}
	if _, ok := s.Flush(); ok {
		t.Error("Flush found something where nothing is left")
	}
}

func TestAppendEventIsReadBack(t *testing.T) {
	t.Parallel()
	for _, want := range []frame{{Event: "x", Data: "a"}, {Data: "a\nb\n"}, {Event: "x"}} {
		stream := sse.AppendEvent([]byte(": hi\n\n"), want.Event, []byte(want.Data))
		frames, _ := scan(0, stream)
		if len(frames) != 3 || frames[2].Event != want.Event || frames[2].Data != want.Data || !frames[2].HasData {
			t.Errorf("AppendEvent(%q, %q) = %q, read back as %+v", want.Event, want.Data, stream, frames)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range streams {
		f.Add([]byte(s.stream), uint16(3), uint16(9), 0)
	}
	f.Add([]byte("data: 0123456789\r\n\r\ndata: b\r\r\ndata: c"), uint16(19), uint16(20), 12)
	f.Fuzz(func(t *testing.T, stream []byte, a, b uint16, limit int) {
		i := int(a) % (len(stream) + 1)
		j := i + int(b)%(len(stream)-i+1)
		if limit < 0 || limit > 1<<10 {
			limit = 0
		}
		want, _ := scan(limit, stream)
		var each []int
		for k := range stream {
			each = append(each, k)
		}
		for _, cuts := range [][]int{nil, {i}, {i, j}, each} {
			got, raw := scan(limit, stream, cuts...)
			if !bytes.Equal(raw, stream) {
				t.Fatalf("cut at %v: raw bytes %q, want %q", cuts, raw, stream)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("cut at %v (-want +got):\n%s", cuts, diff)
			}
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	var stream []byte
	for i := range 300 {
		stream = sse.AppendEvent(stream, "", fmt.Appendf(nil, `{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"word %d"},"finish_reason":null}]}`, i))
	}
	for _, size := range []int{len(stream), 1000, 17} {
		b.Run(fmt.Sprintf("pieces of %d", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				var s sse.Scanner
				for p := stream; len(p) > 0; p = p[min(size, len(p)):] {
					for piece := p[:min(size, len(p))]; ; {
						_, rest, ok := s.Next(piece)
						if !ok {
							break
						}
						piece = rest
					}
				}
			}
		})
	}
}
