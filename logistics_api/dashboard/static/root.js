// Where the API and its pages are: at the root of the host, or under a path that a proxy takes away. The page says so
// relative to its own address, so this module must be the first to look at it.

const root = new URL(document.querySelector('meta[name="logistics-root"]').content, location.href).pathname;

// The browser would look for a relative icon below each address that the page takes later.
const image = document.querySelector('link[rel="icon"]');
image.setAttribute("href", image.href);

/** The address of a path of the API, such as /api/datasets, on this host. */
export const at = (path) => root + path.slice(1);

/** The path of the API or of a page, of an address on this host; null if it is somewhere else. */
export const pathOf = (pathname) => (pathname.startsWith(root) ? pathname.slice(root.length - 1) : null);
