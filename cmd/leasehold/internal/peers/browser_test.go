//go:build real

package peers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestTheBrowserSendsFormsGoesBackAndKeepsCookiesApart(t *testing.T) {
	ca := peers.NewCA(t)
	port := peers.Port(t)
	ca.Front(t, "app.other.test", port, peers.Echo(t))
	app := fmt.Sprintf("https://app.other.test:%d", port)

	tab := peers.Browser(t, ca)
	tab.Open(app + "/first")
	if tab.Status() != 200 || tab.URL() != app+"/first" {
		t.Errorf("%d at %s", tab.Status(), tab.URL())
	}
	tab.Eval(`document.cookie = "__Host-me=alice; Secure; Path=/"`)
	tab.Fill("[name=words]", "hello & goodbye")
	tab.Click("button")
	tab.Await(app+"/save", "words=hello+%26+goodbye")
	tab.Back()
	tab.Await(app+"/first", "GET /first")

	other := tab.Another()
	other.Open(app + "/second")
	other.Await(app+"/second", "__Host-me=alice")
	stranger := tab.Stranger()
	stranger.Open(app + "/third")
	stranger.Await(app+"/third", "GET /third")
	if n := len(stranger.Cookies()); n != 0 || strings.Contains(stranger.Text(), "__Host-me") {
		t.Errorf("a stranger has %d cookies", n)
	}
	if all := tab.Cookies(); len(all) != 1 || all[0].Name != "__Host-me" {
		t.Errorf("cookies: %+v", all)
	}
}

func TestTheBrowserTakesPictures(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PEERS_ARTEFACTS", dir)
	ca := peers.NewCA(t)
	port := peers.Port(t)
	ca.Front(t, "app.other.test", port, peers.Echo(t))
	tab := peers.Browser(t, ca)
	tab.Phone()
	tab.Dark()
	tab.Open(fmt.Sprintf("https://app.other.test:%d/", port))
	if width, dark := tab.Eval("innerWidth"), tab.Eval("matchMedia('(prefers-color-scheme: dark)').matches"); dark != "true" {
		t.Errorf("width %s, dark %s", width, dark)
	}
	tab.Screenshot("echo app, phone")
	picture, err := os.Stat(filepath.Join(dir, "echo-app,-phone.png"))
	if err != nil || picture.Size() < 1000 {
		t.Errorf("picture: %v, %v", picture, err)
	}
}

func TestTheBrowserRefusesACertificateOfAnotherAuthority(t *testing.T) {
	ca, port := peers.NewCA(t), peers.Port(t)
	ca.Front(t, "app.other.test", port, peers.Echo(t))
	tab := peers.Browser(t, peers.NewCA(t))
	if err := tab.Try(fmt.Sprintf("https://app.other.test:%d/", port)); err == nil {
		t.Error("it was opened")
	}
}
