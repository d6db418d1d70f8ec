// Command fakeservice stands in for a service of the mesh in the tests of scripts/mesh.sh: it
// listens where it is told and answers health checks. Called stackyard-rest it serves HTTP.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// flagValue finds --name VALUE among flags that belong to the real service.
func flagValue(name string) string {
	for i, arg := range os.Args[:len(os.Args)-1] {
		if arg == "--"+name {
			return os.Args[i+1]
		}
	}
	return ""
}

func main() {
	name := filepath.Base(os.Args[0])
	if os.Getenv("FAKE_BROKEN") == name {
		log.Fatalf("%s: the disk is on fire", name)
	}
	// The machine lacks what FAKE_MISSING says.
	if slices.Contains(os.Args, "--preflight") {
		if missing := os.Getenv("FAKE_MISSING"); missing != "" {
			fmt.Println(missing)
			fmt.Fprintf(os.Stderr, "no %s: of the test\n", missing)
			os.Exit(3)
		}
		return
	}
	network, address := "tcp", flagValue("listen")
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if os.Getenv("FAKE_STUBBORN") == name {
		signal.Ignore(syscall.SIGTERM)
	}
	go func() {
		if name == "stackyard-rest" {
			ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			log.Fatal(http.Serve(listener, ok))
		}
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, health.NewServer())
		log.Fatal(server.Serve(listener))
	}()
	<-stop
	log.Printf("%s: stopped", name)
}
