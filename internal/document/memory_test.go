package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/memory"
)

// The tests of this file do not run in parallel, because they measure what the process allocates.

// listOf and membersOf return n short elements, and n short members, with the same number of strings and numbers.
func listOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%x",1`, i)
	}
	return "[" + b.String()[1:] + "]"
}

func membersOf(n int, prefix string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%s%x":1`, prefix, i)
	}
	return "{" + b.String()[1:] + "}"
}

// Going through a value takes no more memory than its names.
func TestGoingThroughAValueTakesNoMoreThanItsBytes(t *testing.T) {
	const n = 1 << 15
	for name, doc := range map[string]string{
		"an array":   "[" + strings.Repeat("1,", n) + "1]",
		"an object":  membersOf(n, "a long name "), // 16 bytes with its number: the race detector rounds up to that
		"arrays":     "[" + strings.Repeat("[1,1],", n) + "1]",
		"one string": `["` + strings.Repeat("x", n) + `"]`,
	} {
		v, err := Parse("", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		used := memory.Allocated(func() {
			for range v.Items() {
				count++
			}
			for range v.Members() {
				count++
			}
		})
		if count == 0 || used > len(doc) {
			t.Errorf("%s of %d bytes: going through its %d parts allocated %d bytes", name, len(doc), count, used)
		}
	}
}

// To know an object's names takes a few bytes for each, however long the object is.
func TestTheNamesOfAnObjectTakeNoMoreThanItsBytes(t *testing.T) {
	parse := func(doc string) int {
		data := []byte(doc)
		return memory.Allocated(func() {
			if _, err := Parse("", data); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, n := range []int{12_000, 12_500, 18_000, 24_500, 25_000} {
		for _, prefix := range []string{"", strings.Repeat("x", 50)} {
			doc := membersOf(n, prefix)
			values := parse(strings.ReplaceAll(strings.NewReplacer("{", "[", "}", "]").Replace(doc), ":", ","))
			if used := parse(doc) - values; used > 3*len(doc) {
				t.Errorf("%d members of %d bytes: the names took %d bytes, %d for each byte", n, len(doc), used, used/len(doc))
			}
		}
	}
}

// An element costs the same however long its path is.
func TestAPathIsWrittenOnlyForAnError(t *testing.T) {
	name := `{"` + strings.Repeat(`\u0001`, 100) + `":`
	parse := func(levels, n int) int {
		doc := []byte(strings.Repeat(name, levels) + listOf(n) + strings.Repeat("}", levels))
		return memory.Allocated(func() {
			if _, err := Parse("body", doc); err != nil {
				t.Fatal(err)
			}
		})
	}
	const n = 1 << 10
	parse(1, n)
	deep, deeper := parse(31, n), parse(31, 2*n)
	if flat, wider := parse(0, n), parse(0, 2*n); deeper-deep > 2*(wider-flat) {
		t.Errorf("%d further elements allocated %d bytes under a long path, %d without", n, deeper-deep, wider-flat)
	}
}

// Names are compared as they read, not as they are written, in objects of any size.
func TestEveryNameOfALargeObjectIsKnown(t *testing.T) {
	const n = 3000
	doc := membersOf(n, `\u00e9\n`)
	for i := 0; i < n; i += 250 {
		again := fmt.Sprintf(`"é\u000a%x"`, i)
		_, err := Parse("", []byte(doc[:len(doc)-1]+`,`+again+`:1}`))
		if want := fmt.Sprintf(`"é\n%x": is there twice; leave one out`, i); err == nil || err.Error() != want {
			t.Fatalf("%s again: %v, want %s", again, err, want)
		}
	}
}
