// Program streams serves what keeps its connection: HTTP/2 without TLS, a download
// that takes as long as is asked for, and a connection that is upgraded. The file
// version beside it says who it is. Asked to end, it shuts down as servers do, or as the
// file end says: "die" at once, or "refuse" for a second what comes over connections that
// it has kept.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	version, err := os.ReadFile("version")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(10 * time.Millisecond) // a request takes a while
		_, _ = w.Write(version)
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
		length, err := time.ParseDuration(r.FormValue("for"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if _, err := w.Write(version); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, "end")
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, buffered)
	})
	end, _ := os.ReadFile("end") // as servers do
	var refuses atomic.Bool
	refusing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses.Load() {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: ":8080", Handler: refusing, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	if string(end) != "die" {
		asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		go func() {
			defer close(done)
			<-asked.Done()
			if string(end) == "refuse" {
				refuses.Store(true)
				time.Sleep(time.Second)
			}
			_ = server.Shutdown(context.Background())
		}()
	}
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-done
}
