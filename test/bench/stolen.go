package main

import (
	"fmt"
	"os"
	"strings"
)

// processors is time of this machine's processors, in the kernel's ticks: that they had
// something to do for, and what a virtual one could not do of it, as its host's ran something else.
type processors struct{ wanted, stolen float64 }

// processorsNow reads the sums since the machine started, as proc(5) describes them: nothing
// where there is no such file.
func processorsNow() (p processors) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return p
	}
	var user, nice, system, idle, iowait, irq, softirq, steal float64
	if _, err := fmt.Sscanf(string(text), "cpu %f %f %f %f %f %f %f %f", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return p
	}
	return processors{user + nice + system + irq + softirq + steal, steal}
}

// noteStolen notes how much of the time of a measurement others had.
func (b *bench) noteStolen(measurement string, before processors) {
	if now := processorsNow(); now.wanted > before.wanted {
		share := (now.stolen - before.stolen) / (now.wanted - before.wanted)
		b.stolen = append(b.stolen, fmt.Sprintf("%s %.0f %%", measurement, 100*share))
	}
}

func (b *bench) stolenLine() string {
	if len(b.stolen) == 0 {
		return ""
	}
	return "Of the time that the processors were wanted for, others on this machine's host had: " + strings.Join(b.stolen, ", ") + ".\n"
}
