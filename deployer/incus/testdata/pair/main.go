// Command pair is a service that says which version it is, by the file version in the
// folder that it runs in, and what another one says, if it is told whom to ask.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	version, err := os.ReadFile("version")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		text := strings.TrimSpace(string(version))
		for _, other := range os.Args[1:] {
			said, err := ask(other)
			if err != nil {
				log.Print(err)
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			text += ", " + said
		}
		fmt.Fprint(w, text)
	})
	log.Printf("version %s", version)
	log.Fatal((&http.Server{Addr: ":8080"}).ListenAndServe())
}

func ask(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(text), err
}
