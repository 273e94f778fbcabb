// Command counter is a service that keeps a row for each request, in a file that it
// allows no other process to open beside it, like an embedded database. Asked to end it
// ends at once, whatever it is doing.
//
// The file version beside it says what it is: its first word "broken" has it spoil its
// data and end, "silent" spoil them and never listen.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const file = "/data/rows"

func main() {
	rows, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	if err := syscall.Flock(int(rows.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		log.Fatalf("another process has the database open: %v", err)
	}
	version, err := os.ReadFile(filepath.Join(filepath.Dir(os.Args[1]), "version"))
	if err != nil {
		log.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // as what has a start that takes its time
	switch first, _, _ := strings.Cut(strings.TrimSpace(string(version)), " "); first {
	case "broken":
		fmt.Fprintln(rows, "broken")
		log.Fatal("broken")
	case "silent":
		fmt.Fprintln(rows, "broken")
		select {}
	}
	var one sync.Mutex // as in a database
	http.HandleFunc("/rows/{id}", func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		if _, err := fmt.Fprintln(rows, r.PathValue("id")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		time.Sleep(2 * time.Millisecond)
		_, _ = w.Write(version)
	})
	http.HandleFunc("/rows", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	http.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	log.Fatal((&http.Server{Addr: ":8080"}).ListenAndServe())
}
