/** The store of pages on a phone; another number where what is kept changes its form. */
export const CACHE = "hinomi-stocktake-1";
