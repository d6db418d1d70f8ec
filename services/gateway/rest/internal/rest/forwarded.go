package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// withClient finds whose request it is: the address that connected, or, where that is a trusted
// proxy, the last one before it in X-Forwarded-For. The gateway gets this one and nothing else that
// a client may have made up.
func withClient(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := clientOf(r, trusted)
		// Both are what the router tells the gateway by.
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded"} {
			r.Header.Del(name)
		}
		if client.IsValid() {
			_, port, _ := net.SplitHostPort(r.RemoteAddr)
			r.RemoteAddr = net.JoinHostPort(client.String(), port)
		}
		next.ServeHTTP(w, r)
	})
}

func clientOf(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client := addressOf(r.RemoteAddr)
	if !contains(trusted, client) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		client = address.Unmap()
		if !contains(trusted, client) {
			break
		}
	}
	return client
}

func addressOf(hostPort string) netip.Addr {
	parsed, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return parsed.Addr().Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}
