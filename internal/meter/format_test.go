package meter

import "testing"

// A new kind of answer that lacks a part must fail here, instead of being read as chat.
func TestEveryKindIsComplete(t *testing.T) {
	t.Parallel()
	seen := map[*format]Kind{}
	for i, f := range formats {
		k := Kind(i)
		if f == nil {
			t.Errorf("kind %d has no format", k)
			continue
		}
		if other, ok := seen[f]; ok {
			t.Errorf("kinds %d and %d share a format", other, k)
		}
		seen[f] = k
		if f.whole == nil || f.usage == nil {
			t.Errorf("kind %d cannot be read whole", k)
		}
		if (f.event == nil) != (f.long == nil) {
			t.Errorf("kind %d reads short events %t, long ones %t", k, f.event != nil, f.long != nil)
		}
		if f.event == nil && (f.array || f.usageOnly || f.finished != nil) {
			t.Errorf("kind %d has no events, but says how its stream goes", k)
		}
	}
}
