package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a headless Chromium. A step that cannot be done within Patience fails the test, with a screenshot of
// what was there instead.
type Tab struct {
	t   testing.TB
	ctx context.Context
}

// Browser starts Chromium with a profile of its own, trusting ca, and returns its first tab.
func Browser(t testing.TB, ca *CA) *Tab {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1200, 900),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("host-resolver-rules", "MAP *.test "+loopback),
		chromedp.Flag("ignore-certificate-errors-spki-list", ca.pin()),
		chromedp.Flag("disable-dev-shm-usage", true), // small in containers
	}
	for _, quiet := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-breakpad", "disable-crash-reporter"} {
		options = append(options, chromedp.Flag(quiet, true))
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return newTab(t, allocated)
}

func newTab(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent, options...)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium (.ci/run installs what the tests need): %v", err)
	}
	return &Tab{t: t, ctx: ctx}
}

// Another opens a second tab of the same browser, with the same cookies.
func (b *Tab) Another() *Tab {
	b.t.Helper()
	return newTab(b.t, b.ctx)
}

// Stranger opens a tab without any cookies: another person.
func (b *Tab) Stranger() *Tab {
	b.t.Helper()
	return newTab(b.t, b.ctx, chromedp.WithNewBrowserContext())
}

// Open goes to an address and waits for the page. Answers with any status will do.
func (b *Tab) Open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

// Try is Open for addresses that may not answer; it returns why.
func (b *Tab) Try(url string) error {
	ctx, stop := context.WithTimeout(b.ctx, Patience)
	defer stop()
	return chromedp.Do(ctx, chromedp.Navigate(url))
}

// Back is the page's history.back(). It does not wait: what comes may be a page out of the browser's memory.
func (b *Tab) Back() {
	b.t.Helper()
	b.Eval("setTimeout(() => history.back())") // at once it may take away the page that is to answer
}

// Reload is F5, without a question about sending a form again.
func (b *Tab) Reload() {
	b.t.Helper()
	b.do("reload", chromedp.Reload())
}

// Fill replaces the text of the first field that selector, in CSS, finds.
func (b *Tab) Fill(selector, text string) {
	b.t.Helper()
	field := chromedp.CSS(selector)
	b.do("find "+selector, chromedp.WaitVisible(field))
	b.Eval(fmt.Sprintf("document.querySelector(%q).value = ''", selector)) // chromedp.Clear cannot, when a field of lines is empty
	b.do("fill "+selector, chromedp.SendKeys(field, text))
}

// Click presses the first thing that selector, in CSS, finds. It does not wait for what follows: see Await.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// Press types keys at whatever has the focus; kb of chromedp names the special ones.
func (b *Tab) Press(keys string) {
	b.t.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// Await waits until the page at an address that begins with prefix is loaded and shows text.
func (b *Tab) Await(prefix, text string) {
	b.t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(50 * time.Millisecond) {
		url, shown, ready := b.look()
		if ready && strings.HasPrefix(url, prefix) && strings.Contains(shown, text) {
			return
		}
		if time.Now().After(end) {
			b.fail("waited for %q at %s…", text, prefix)
		}
	}
}

// look is what the tab shows. Between two pages it shows nothing.
func (b *Tab) look() (url, text string, ready bool) {
	ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
	defer stop()
	page, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[location.href, document.body?.innerText ?? "", document.readyState]`))
	if err != nil || len(page) != 3 {
		return "", "", false
	}
	return page[0], page[1], page[2] == "complete"
}

// URL is where the tab is.
func (b *Tab) URL() string {
	b.t.Helper()
	return read[string](b, "location.href")
}

// Text is what a person can read.
func (b *Tab) Text() string {
	b.t.Helper()
	return read[string](b, `document.body?.innerText ?? ""`)
}

// Status is the HTTP status of the page.
func (b *Tab) Status() int {
	b.t.Helper()
	return read[int](b, "performance.getEntriesByType('navigation')[0].responseStatus")
}

// Eval is the value of a JavaScript expression as a string.
func (b *Tab) Eval(expression string) string {
	b.t.Helper()
	return evaluate[string](b, "String("+expression+")")
}

// read is the value of an expression that changes nothing. Between two pages there is nobody to ask.
func read[T any](b *Tab, expression string) T {
	b.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
		value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		stop()
		if err == nil {
			return value
		}
	}
	return evaluate[T](b, expression)
}

func evaluate[T any](b *Tab, expression string) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, Patience)
	defer stop()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.fail("evaluate %s: %v", expression, err)
	}
	return value
}

// Cookies are all cookies that the tab's browser holds, of every site; a Stranger's are his own.
func (b *Tab) Cookies() []*network.Cookie {
	b.t.Helper()
	jar := storage.GetCookiesParams{BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID}
	all, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, jar)
	if err != nil {
		b.fail("read cookies: %v", err)
	}
	return all.Cookies
}

// Phone makes the tab as small as a telephone's.
func (b *Tab) Phone() {
	b.t.Helper()
	b.do("become a telephone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
}

// Dark asks pages for dark colours, and Light for light ones.
func (b *Tab) Dark() {
	b.t.Helper()
	b.colours("dark")
}

// Light asks pages for light colours.
func (b *Tab) Light() {
	b.t.Helper()
	b.colours("light")
}

func (b *Tab) colours(scheme string) {
	b.t.Helper()
	b.do("become "+scheme, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		wanted := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: wanted})
		return err
	}))
}

// Screenshot keeps a picture of the page as name.png in the folder that PEERS_ARTEFACTS names, or in one that goes
// with the test.
func (b *Tab) Screenshot(name string) {
	b.t.Helper()
	if err := b.picture(name); err != nil {
		b.t.Fatalf("screenshot %s: %v", name, err)
	}
}

func (b *Tab) picture(name string) error {
	ctx, stop := context.WithTimeout(b.ctx, Patience)
	defer stop()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	dir := os.Getenv("PEERS_ARTEFACTS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(name)+".png"), png, 0o644)
}

func (b *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, Patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail("%s: %v", what, err)
	}
}

// fail ends the test, saying what the tab showed.
func (b *Tab) fail(format string, args ...any) {
	b.t.Helper()
	_ = b.picture("failed " + b.t.Name())
	url, text, _ := b.look()
	b.t.Logf("the tab was at %s and showed:\n%s", url, text)
	b.t.Fatalf(format, args...)
}
