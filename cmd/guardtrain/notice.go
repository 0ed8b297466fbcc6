package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// notice lists the collections from which a model learned, with their licences.
func notice(rows []row) []byte {
	type source struct {
		licence string
		rows    int
	}
	sources := map[string]source{}
	for i := range rows {
		s := sources[rows[i].Source]
		sources[rows[i].Source] = source{rows[i].Licence, s.rows + 1}
	}
	var b strings.Builder
	b.WriteString(`The weights in model.bin were learned from texts of these collections. The texts are not part of this project.
Where a licence asks for a notice, this is it: Tatoeba contributors (CC BY 2.0 FR), PolyAI (CC BY 4.0),
LianjiaTech for BELLE (ODC-BY). Collections named own- were written for this project.

`)
	names := slices.SortedFunc(maps.Keys(sources), func(a, c string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(c)))
	})
	for _, name := range names {
		fmt.Fprintf(&b, "%-75s %-18s %6d texts\n", name, sources[name].licence, sources[name].rows)
	}
	return []byte(b.String())
}
