package faults

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
)

// link is what stands between a node and the database, and can be cut: then nothing passes, in either direction, and
// nobody is told.
type link struct {
	t  *testing.T
	ln net.Listener
	to string

	mu    sync.Mutex
	up    chan struct{} // closed while the link is up
	conns []net.Conn
	holds []*hold // one a connection to the database
}

// hold keeps back what asks the database to commit reservations on a connection, once it is on.
type hold struct {
	mu  sync.Mutex
	off chan struct{} // nil while nothing is kept back
}

func (h *hold) wait(carried []byte) {
	h.mu.Lock()
	off := h.off
	h.mu.Unlock()
	if off != nil && bytes.Contains(carried, []byte("INSERT INTO holds")) && bytes.Contains(carried, []byte("COMMIT\x00")) {
		<-off
	}
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{t: t, ln: ln, to: to, up: make(chan struct{})}
	close(l.up)
	var running sync.WaitGroup
	running.Go(func() { l.accept(&running) })
	t.Cleanup(func() {
		_ = ln.Close()
		l.join()
		l.mu.Lock()
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.mu.Unlock()
		running.Wait()
	})
	return l
}

func (l *link) accept(running *sync.WaitGroup) {
	for {
		near, err := l.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		held := new(hold)
		l.mu.Lock()
		l.conns, l.holds = append(l.conns, near, far), append(l.holds, held)
		l.mu.Unlock()
		running.Go(func() { l.carry(near, far, held) })
		running.Go(func() { l.carry(far, near, held) })
	}
}

func (l *link) carry(to, from net.Conn, held *hold) {
	defer to.Close() //nolint:errcheck // so that the other side knows
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		<-l.open()
		held.wait(buf[:n])
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				_, _ = io.Copy(io.Discard, from)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) open() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

// cut lets nothing pass until join.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = make(chan struct{})
}

func (l *link) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.up:
	default:
		close(l.up)
	}
}

// stall keeps back the reservations of the connections that there are, those that were held before and went on included,
// and lets new ones pass. What release lets go of arrives late.
func (l *link) stall() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	off := make(chan struct{})
	for _, h := range l.holds {
		h.mu.Lock()
		h.off = off
		h.mu.Unlock()
	}
	var once sync.Once
	release = func() { once.Do(func() { close(off) }) }
	l.t.Cleanup(release)
	return release
}

// Connections hang and new ones work, as where a firewall has forgotten them. What was on its way arrives when the node
// has given it up and undone it: of identities that nobody has seen, too, it must not count any more.
func TestCommitsArriveLate(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	l := newLink(t, c.Address())
	far, err := url.Parse(db.url)
	if err != nil {
		t.Fatal(err)
	}
	far.Host = l.ln.Addr().String()
	f := newFleet(t, db, tiers)
	f.serve(1, "DATABASE_URL="+far.String())
	rounds := 2
	if long {
		rounds = 15
	}
	for round := range rounds {
		load := f.crowd(12, fmt.Sprint("late", round), calm)
		f.more(60, answered)
		release := l.stall()
		f.more(1, unavailable) // each that is kept back has one at least
		f.more(20, answered)
		release()
		f.more(20, answered)
		load.end()
		f.reconcile()
	}
}

// A node loses the database and keeps its clients. It refuses what is new; the others take it for dead, and count what it
// has running as it was held. When the link is back its answers are not counted again, and it goes on.
func TestNodeLosesTheDatabase(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	f := newFleet(t, db, tiers)
	l := newLink(t, c.Address())
	far, err := url.Parse(db.url)
	if err != nil {
		t.Fatal(err)
	}
	far.Host = l.ln.Addr().String()
	still := newClock(t, 0)
	f.start(1, func(int) *node.Process { return f.startByClock(still, "DATABASE_URL="+far.String()) })
	f.serveByClocks(still)

	rounds := 2
	if long {
		rounds = 12
	}
	for round := range rounds {
		var streams sync.WaitGroup
		before := f.arrived
		for i := range 10 {
			streams.Go(func() { f.ask(f.nodes[0], fmt.Sprintf("round%d-%d", round, i%2), "requests", midway) })
		}
		f.awaitArrived(before + 10)
		load := f.load(8, fmt.Sprint("load", round), []string{whole, streaming, slow})
		f.more(40, answered)
		back := f.doubt(f.nodes[0])
		l.cut()
		f.more(4, unavailable)
		load.turnTo(f.nodes[1])
		await.Within(t, node.Patience, "the others take it for dead", func() bool { return db.number(`SELECT count(*) FROM nodes`) == 1 })
		f.more(40, answered)
		l.join()
		load.turnTo(f.nodes...)
		f.open()
		streams.Wait()
		f.awaitReady()
		f.more(40, answered)
		load.end()
		back()
		f.reconcile()
		f.gate = make(chan struct{})
	}
}
