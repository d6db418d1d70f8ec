package rest

import (
	"net"
	"net/netip"
	"sync"
)

// connections is a listener that closes at once what is over its limits, so that one client cannot
// take the place of all.
type connections struct {
	net.Listener
	// most are open at once, and mostOfOne of one address, which does not bind trusted proxies; 0 is
	// no limit.
	most, mostOfOne int
	trusted         []netip.Prefix

	mu    sync.Mutex
	open  int
	byOne map[netip.Addr]int
}

func limitConnections(listener net.Listener, o Options) *connections {
	return &connections{Listener: listener, most: o.MaxConnections, mostOfOne: o.MaxConnectionsPerAddress,
		trusted: o.TrustedProxies, byOne: map[netip.Addr]int{}}
}

func (l *connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if from := addressOf(conn.RemoteAddr().String()); l.take(from) {
			return &counted{Conn: conn, gone: sync.OnceFunc(func() { l.giveBack(from) })}, nil
		}
		_ = conn.Close()
	}
}

func (l *connections) take(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.most > 0 && l.open >= l.most
	fullOfOne := l.mostOfOne > 0 && l.byOne[from] >= l.mostOfOne && !contains(l.trusted, from)
	if full || fullOfOne {
		return false
	}
	l.open++
	l.byOne[from]++
	return true
}

func (l *connections) giveBack(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.byOne[from]--; l.byOne[from] == 0 {
		delete(l.byOne, from)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	gone func()
}

func (c *counted) Close() error {
	c.gone()
	return c.Conn.Close()
}
