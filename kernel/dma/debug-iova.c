// SPDX-License-Identifier: GPL-2.0
/*
 * dma-debug of the two-step API: keeps account of the reservations of all
 * devices and of the pieces linked into them, and reports what breaks the rules
 * of Documentation/core-api/dma-iova.rst. debug.c has the reports and the pool
 * of entries. When the pool is empty, dma-debug turns itself off.
 */
#include <linux/align.h>
#include <linux/dma-mapping.h>
#include <linux/hashtable.h>
#include <linux/rbtree.h>
#include <linux/seq_file.h>

#include "debug-entry.h"
#include "debug-iova.h"

/*
 * Reservations by address. One lock protects them and all pieces. debug.c takes
 * a global lock for each entry as well (free_entries_lock).
 */
static DEFINE_HASHTABLE(dbg_reservations, 10);
static DEFINE_SPINLOCK(dbg_lock);

/* Attributes that may differ between a link and its unlink */
#define DBG_FREE_ATTRS	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_NO_WARN)

/*
 * A driver that gives up may unlink memory that it has not synchronised. But if
 * it does so with all of a reservation linked, so many times in a row and with
 * no dma_iova_sync() in between, it has forgotten that call.
 */
#define DBG_FORGOTTEN 32

/* The last device that unlinked so, and how many times; under the lock */
static struct device *dbg_unsynced_dev;
static int dbg_unsynced_calls;

/* Count a teardown without a synchronisation; true when there are too many. */
static bool dbg_forgets(struct device *dev)
{
	lockdep_assert_held(&dbg_lock);

	if (dbg_unsynced_dev != dev)
		dbg_unsynced_calls = 0;
	dbg_unsynced_dev = dev;
	return ++dbg_unsynced_calls == DBG_FORGOTTEN;
}

/*
 * Reset the count of dbg_forgets(): the driver has called dma_iova_sync(),
 * a link has failed, or the driver is unbound.
 */
static void dbg_forgive(struct device *dev)
{
	unsigned long flags;

	spin_lock_irqsave(&dbg_lock, flags);
	if (dbg_unsynced_dev == dev)
		dbg_unsynced_dev = NULL;
	spin_unlock_irqrestore(&dbg_lock, flags);
}

/*
 * IO addresses up to and including @last, which may be the very last there is
 */
struct dbg_span {
	u64 first;
	u64 last;
};

static u64 dbg_last(const struct dma_debug_entry *piece)
{
	return piece->dev_addr + piece->size - 1;
}

static struct dma_debug_entry *dbg_piece(struct rb_node *node)
{
	return rb_entry_safe(node, struct dma_debug_entry, node);
}

static struct dma_debug_entry *dbg_next(struct dma_debug_entry *piece)
{
	return dbg_piece(rb_next(&piece->node));
}

/*
 * If a state was copied and the copy is used, its addresses may belong to
 * another reservation by now. So compare the size as well.
 */
static struct dma_debug_entry *dbg_find(struct device *dev,
					const struct dma_iova_state *state)
{
	struct dma_debug_entry *entry;

	lockdep_assert_held(&dbg_lock);

	hash_for_each_possible(dbg_reservations, entry, hash, state->addr) {
		if (entry->dev == dev && entry->dev_addr == state->addr &&
		    entry->size == dma_iova_size(state))
			return entry;
	}
	return NULL;
}

/* The first piece that has a part at or after @addr */
static struct dma_debug_entry *
dbg_find_piece(const struct dma_debug_entry *reservation, u64 addr)
{
	struct rb_node *node = reservation->pieces.rb_node;
	struct dma_debug_entry *found = NULL;

	lockdep_assert_held(&dbg_lock);

	while (node) {
		struct dma_debug_entry *piece = dbg_piece(node);

		if (dbg_last(piece) < addr) {
			node = node->rb_right;
		} else {
			found = piece;
			node = node->rb_left;
		}
	}
	return found;
}

/*
 * Whether the range is valid. mapping.c warns of one that is not, and ignores a
 * size of 0.
 */
static bool dbg_within(const struct dma_iova_state *state, size_t offset,
		       size_t size)
{
	size_t total = dma_iova_size(state);

	return size && offset <= total && size <= total - offset;
}

/*
 * The range that a call is for: whole granules, but not beyond the reservation
 */
static struct dbg_span dbg_range(struct device *dev,
				 const struct dma_iova_state *state,
				 size_t offset, size_t size)
{
	u64 mask = dma_get_merge_boundary(dev);
	u64 end = state->addr + dma_iova_size(state) - 1;
	u64 first = state->addr + offset;
	u64 last = first + size - 1;

	return (struct dbg_span){
		.first = max(first & ~mask, state->addr),
		.last = min(last | mask, end),
	};
}

/*
 * The first thing that is wrong with a call. It is noted under the lock and
 * reported without, so it has a copy of the piece, which may be gone by then.
 */
struct dbg_mistake {
	const char *what;
	struct dbg_span range;
	bool has_piece;
	struct dma_debug_entry piece;
	enum dma_data_direction dir;
	unsigned long attrs;
};

static void dbg_note(struct dbg_mistake *mistake, const char *what,
		     const struct dma_debug_entry *piece)
{
	/* One call gets one report: the first mistake explains the others. */
	if (mistake->what)
		return;
	mistake->what = what;
	mistake->has_piece = piece;
	if (piece)
		mistake->piece = *piece;
}

static void dbg_report(struct device *dev, struct dbg_mistake *mistake)
{
	u64 size = mistake->range.last - mistake->range.first + 1;
	struct dma_debug_entry *piece = &mistake->piece;

	if (!mistake->what)
		return;
	if (!mistake->has_piece) {
		dma_debug_report(dev, NULL,
				 "device driver %s [device address=0x%016llx] [size=%llu bytes]\n",
				 mistake->what, mistake->range.first, size);
		return;
	}
	dma_debug_report(dev, piece,
			 "device driver %s [device address=0x%016llx] [size=%llu bytes] [piece address=0x%016llx] [piece size=%llu bytes] [linked with %s, attributes 0x%lx] [now %s, attributes 0x%lx]\n",
			 mistake->what, mistake->range.first, size, piece->dev_addr,
			 piece->size, dma_debug_dir_name(piece->direction), piece->attrs,
			 dma_debug_dir_name(mistake->dir), mistake->attrs);
}

/* Report a state that is not a reservation of the device, or no longer one. */
static void dbg_report_state(struct device *dev,
			     const struct dma_iova_state *state,
			     const char *what)
{
	dma_debug_report(dev, NULL,
			 "device driver %s [device address=0x%016llx] [size=%zu bytes]\n",
			 what, (u64)state->addr, dma_iova_size(state));
}

/* Give back an entry without a tracked cacheline: DMA_TO_DEVICE has none. */
static void dbg_free_untracked(struct dma_debug_entry *entry)
{
	entry->direction = DMA_TO_DEVICE;
	dma_entry_free(entry);
}

static void dbg_free_pieces(struct list_head *pieces)
{
	struct dma_debug_entry *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, list)
		dma_entry_free(piece);
}

void debug_dma_iova_alloc(struct device *dev,
			  const struct dma_iova_state *state)
{
	struct dma_debug_entry *entry;
	unsigned long flags;

	if (unlikely(dma_debug_disabled()) || !dma_use_iova(state))
		return;

	entry = dma_entry_alloc();
	if (!entry)
		return;

	entry->dev = dev;
	entry->dev_addr = state->addr;
	entry->size = dma_iova_size(state);
	entry->pieces = RB_ROOT;

	spin_lock_irqsave(&dbg_lock, flags);
	hash_add(dbg_reservations, &entry->hash, state->addr);
	spin_unlock_irqrestore(&dbg_lock, flags);
}

static bool dbg_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct dma_debug_entry, node)->dev_addr <
	       rb_entry(b, struct dma_debug_entry, node)->dev_addr;
}

/* A piece that is linked already where @piece would go */
static struct dma_debug_entry *
dbg_overlap(const struct dma_debug_entry *reservation,
	    const struct dma_debug_entry *piece)
{
	struct dma_debug_entry *other =
		dbg_find_piece(reservation, piece->dev_addr);

	return other && other->dev_addr <= dbg_last(piece) ? other : NULL;
}

static void dbg_link_piece(struct device *dev,
			   const struct dma_iova_state *state,
			   const struct phys_vec *vec, size_t offset, int err,
			   struct dbg_mistake *mistake)
{
	struct dma_debug_entry *piece, *reservation, *other = NULL;
	bool added = false;
	unsigned long flags;

	piece = dma_entry_alloc();
	if (!piece)
		return;

	piece->dev = dev;
	piece->dev_addr = state->addr + offset;
	piece->size = vec->len;
	piece->paddr = vec->paddr;
	piece->direction = mistake->dir;
	piece->attrs = mistake->attrs;
	piece->sync_due = true;

	spin_lock_irqsave(&dbg_lock, flags);
	reservation = dbg_find(dev, state);
	if (!reservation)
		dbg_note(mistake,
			 "links memory into a reservation that it does not have",
			 NULL);
	else
		other = dbg_overlap(reservation, piece);
	if (other)
		dbg_note(mistake, "links memory over memory that it has linked",
			 other);
	/* Pieces must not overlap, or dbg_find_piece() misses some. */
	if (reservation && !other && !err) {
		rb_add(&piece->node, &reservation->pieces, dbg_less);
		added = true;
	}
	spin_unlock_irqrestore(&dbg_lock, flags);

	/* Without the lock, because it may report */
	if (added)
		dma_entry_track_cacheline(piece, mistake->attrs);
	else
		dbg_free_untracked(piece);
}

/* A piece that is synchronised in part is still due. */
static void dbg_clear_sync_due(struct dma_debug_entry *reservation,
			       struct dbg_span range)
{
	struct dma_debug_entry *piece =
		dbg_find_piece(reservation, range.first);

	for (; piece && dbg_last(piece) <= range.last;
	     piece = dbg_next(piece)) {
		if (piece->dev_addr >= range.first)
			piece->sync_due = false;
	}
}

/* Memory without a struct page cannot be the kernel's own. */
static void dbg_check_memory(struct device *dev, const struct phys_vec *vec)
{
	if (pfn_valid(PHYS_PFN(vec->paddr)))
		dma_debug_check_memory(dev, pfn_to_page(PHYS_PFN(vec->paddr)),
				       offset_in_page(vec->paddr), vec->len);
}

void debug_dma_iova_link_vec(struct device *dev,
			     const struct dma_iova_state *state,
			     const struct phys_vec *vec, size_t nr,
			     size_t offset, enum dma_data_direction dir,
			     unsigned long attrs, int err)
{
	struct dbg_mistake mistake = { .dir = dir, .attrs = attrs };

	if (unlikely(dma_debug_disabled()))
		return;

	/* The driver now gives up, and need not synchronise. */
	if (err)
		dbg_forgive(dev);
	/* The call was refused, with another warning. */
	if (err == -EINVAL)
		return;

	mistake.range.first = state->addr + offset;
	/* dma-debug turns itself off when it has no entry left for a piece. */
	for (; nr && !dma_debug_disabled(); vec++, nr--) {
		if (!(attrs & DMA_ATTR_MMIO))
			dbg_check_memory(dev, vec);
		dbg_link_piece(dev, state, vec, offset, err, &mistake);
		offset += vec->len;
	}
	mistake.range.last = state->addr + offset - 1;
	dbg_report(dev, &mistake);
}

void debug_dma_iova_link(struct device *dev, const struct dma_iova_state *state,
			 phys_addr_t phys, size_t offset, size_t size,
			 enum dma_data_direction dir, unsigned long attrs,
			 int err)
{
	struct phys_vec piece = { phys, size };

	debug_dma_iova_link_vec(dev, state, &piece, 1, offset, dir, attrs, err);
}

void debug_dma_iova_sync(struct device *dev, const struct dma_iova_state *state,
			 size_t offset, size_t size, int err)
{
	struct dma_debug_entry *reservation;
	unsigned long flags;

	if (unlikely(dma_debug_disabled()))
		return;

	/* Even a call that fails shows that the driver has not forgotten it. */
	dbg_forgive(dev);
	if (!dbg_within(state, offset, size))
		return;

	spin_lock_irqsave(&dbg_lock, flags);
	reservation = dbg_find(dev, state);
	if (reservation && !err)
		dbg_clear_sync_due(reservation,
				   dbg_range(dev, state, offset, size));
	spin_unlock_irqrestore(&dbg_lock, flags);

	if (!reservation)
		dbg_report_state(dev, state,
				 "synchronises a reservation that it does not have");
}

/*
 * Keep the part of a piece that is not unlinked. @piece->paddr stays as it is,
 * since its cacheline is tracked by that address.
 */
static void dbg_cut(struct dma_debug_entry *piece, struct dbg_span range)
{
	if (piece->dev_addr < range.first) {
		piece->size = range.first - piece->dev_addr;
	} else {
		piece->size = dbg_last(piece) - range.last;
		piece->dev_addr = range.last + 1;
	}
}

static u64 dbg_bytes_in(const struct dma_debug_entry *piece,
			struct dbg_span range)
{
	return min(dbg_last(piece), range.last) -
	       max(piece->dev_addr, range.first) + 1;
}

static bool dbg_whole(const struct dma_debug_entry *piece,
		      struct dbg_span range)
{
	return piece->dev_addr >= range.first && dbg_last(piece) <= range.last;
}

/* mapping.c has warned if there is no direction. */
static void dbg_check_piece(const struct dma_debug_entry *piece,
			    struct dbg_mistake *mistake)
{
	if (!dbg_whole(piece, mistake->range))
		dbg_note(mistake, "unlinks half a piece", piece);
	else if (piece->direction != mistake->dir &&
		 valid_dma_direction(mistake->dir))
		dbg_note(mistake, "unlinks memory with another direction",
			 piece);
	else if ((piece->attrs ^ mistake->attrs) & ~DBG_FREE_ATTRS)
		dbg_note(mistake, "unlinks memory with other attributes",
			 piece);
}

/*
 * Move the pieces in a range to @gone, and note a hole or half a piece. The
 * entries are freed without the lock.
 */
static void dbg_unlink_range(struct dma_debug_entry *reservation,
			     struct dbg_mistake *mistake,
			     struct list_head *gone)
{
	struct dma_debug_entry *piece, *next, *unsynced = NULL;
	struct dbg_span range = mistake->range;
	u64 linked = 0;

	lockdep_assert_held(&dbg_lock);

	for (piece = dbg_find_piece(reservation, range.first);
	     piece && piece->dev_addr <= range.last; piece = next) {
		next = dbg_next(piece);
		linked += dbg_bytes_in(piece, range);
		dbg_check_piece(piece, mistake);
		if (piece->sync_due)
			unsynced = piece;
		if (dbg_whole(piece, range)) {
			rb_erase(&piece->node, &reservation->pieces);
			list_add(&piece->list, gone);
		} else {
			dbg_cut(piece, range);
		}
	}

	/* The range has one byte more than the difference of its ends. */
	if (!linked)
		dbg_note(mistake, "unlinks memory that it has not linked",
			 NULL);
	else if (linked <= range.last - range.first)
		dbg_note(mistake, "unlinks a hole", NULL);
	/* A driver whose link has failed does not have all of it linked. */
	if (unsynced && linked == reservation->size &&
	    dbg_forgets(reservation->dev))
		dbg_note(mistake,
			 "unlinks memory time and again, and never synchronises any",
			 unsynced);
}

void debug_dma_iova_unlink(struct device *dev,
			   const struct dma_iova_state *state, size_t offset,
			   size_t size, enum dma_data_direction dir,
			   unsigned long attrs)
{
	struct dbg_mistake mistake = { .dir = dir, .attrs = attrs };
	struct dma_debug_entry *reservation;
	unsigned long flags;
	LIST_HEAD(gone);

	if (unlikely(dma_debug_disabled()) || !dbg_within(state, offset, size))
		return;

	mistake.range = dbg_range(dev, state, offset, size);
	spin_lock_irqsave(&dbg_lock, flags);
	reservation = dbg_find(dev, state);
	if (reservation)
		dbg_unlink_range(reservation, &mistake, &gone);
	spin_unlock_irqrestore(&dbg_lock, flags);

	dbg_free_pieces(&gone);
	if (reservation)
		dbg_report(dev, &mistake);
	else
		dbg_report_state(dev, state,
				 "unlinks memory from a reservation that it does not have");
}

/* Move what is still linked to @gone: its driver should have unlinked it. */
static void dbg_unlink_rest(struct dma_debug_entry *reservation,
			    struct dbg_mistake *mistake, struct list_head *gone)
{
	struct dma_debug_entry *piece, *next;

	lockdep_assert_held(&dbg_lock);

	rbtree_postorder_for_each_entry_safe(piece, next, &reservation->pieces,
					     node) {
		dbg_note(mistake,
			 "gives back a reservation that has memory linked",
			 piece);
		list_add(&piece->list, gone);
	}
}

void debug_dma_iova_destroy(struct device *dev,
			    const struct dma_iova_state *state,
			    size_t mapped_len, enum dma_data_direction dir,
			    unsigned long attrs)
{
	struct dbg_mistake mistake = { .dir = dir, .attrs = attrs };
	struct dma_debug_entry *reservation;
	unsigned long flags;
	LIST_HEAD(gone);

	if (unlikely(dma_debug_disabled()) || !dma_use_iova(state))
		return;

	/* mapping.c warns of a larger one, and cuts it in the same way. */
	mapped_len = min(mapped_len, dma_iova_size(state));
	spin_lock_irqsave(&dbg_lock, flags);
	reservation = dbg_find(dev, state);
	if (reservation) {
		if (mapped_len) {
			mistake.range = dbg_range(dev, state, 0, mapped_len);
			dbg_unlink_range(reservation, &mistake, &gone);
		}
		/* The first mistake keeps its range. */
		if (!mistake.what)
			mistake.range =
				dbg_range(dev, state, 0, dma_iova_size(state));
		dbg_unlink_rest(reservation, &mistake, &gone);
		hash_del(&reservation->hash);
	}
	spin_unlock_irqrestore(&dbg_lock, flags);

	if (!reservation) {
		dbg_report_state(dev, state,
				 "gives back a reservation that it does not have");
		return;
	}
	dbg_free_pieces(&gone);
	dbg_free_untracked(reservation);
	dbg_report(dev, &mistake);
}

void debug_dma_iova_free(struct device *dev, const struct dma_iova_state *state)
{
	debug_dma_iova_destroy(dev, state, 0, DMA_NONE, 0);
}

void debug_dma_iova_hand_over(struct device *dev,
			      const struct dma_iova_state *state, size_t offset,
			      size_t size, enum dma_data_direction dir)
{
	struct dbg_mistake mistake = { .dir = dir };
	struct dma_debug_entry *reservation, *piece = NULL;
	unsigned long flags;
	u64 linked = 0;

	if (unlikely(dma_debug_disabled()) || !valid_dma_direction(dir) ||
	    !dbg_within(state, offset, size))
		return;

	mistake.range = dbg_range(dev, state, offset, size);
	spin_lock_irqsave(&dbg_lock, flags);
	reservation = dbg_find(dev, state);
	if (reservation)
		piece = dbg_find_piece(reservation, mistake.range.first);
	for (; piece && piece->dev_addr <= mistake.range.last;
	     piece = dbg_next(piece)) {
		linked += dbg_bytes_in(piece, mistake.range);
		/* Memory for both directions may be handed over for one. */
		if (piece->direction != dir &&
		    piece->direction != DMA_BIDIRECTIONAL)
			dbg_note(&mistake,
				 "hands over memory with another direction",
				 piece);
	}
	if (linked <= mistake.range.last - mistake.range.first)
		dbg_note(&mistake, "hands over memory that it has not linked",
			 NULL);
	spin_unlock_irqrestore(&dbg_lock, flags);

	dbg_report(dev, &mistake);
}

/*
 * The position of a dump: a reservation, and the address in it of the next
 * piece. It is by address, as the lock is released between lines and entries
 * may go.
 */
struct dbg_dump {
	int bucket;
	u64 addr;
	struct device *dev;
	u64 next;
	char line[256];
};

/*
 * The order in which a bucket is listed. Two devices may have the same address.
 */
static bool dbg_before(u64 addr, struct device *dev,
		       const struct dma_debug_entry *entry)
{
	if (addr != entry->dev_addr)
		return addr < entry->dev_addr;
	return dev < entry->dev;
}

/* The next reservation of the bucket, or NULL. */
static struct dma_debug_entry *dbg_dump_reservation(const struct dbg_dump *dump,
						    struct device *only)
{
	struct dma_debug_entry *entry, *found = NULL;

	lockdep_assert_held(&dbg_lock);

	hlist_for_each_entry(entry, &dbg_reservations[dump->bucket], hash) {
		if ((only && entry->dev != only) ||
		    !dbg_before(dump->addr, dump->dev, entry))
			continue;
		if (!found || dbg_before(entry->dev_addr, entry->dev, found))
			found = entry;
	}
	return found;
}

/* The next piece of the reservation that the dump has got to, or NULL. */
static struct dma_debug_entry *dbg_dump_piece(const struct dbg_dump *dump)
{
	struct dma_debug_entry *entry;

	lockdep_assert_held(&dbg_lock);

	hlist_for_each_entry(entry, &dbg_reservations[dump->bucket], hash) {
		if (entry->dev_addr != dump->addr || entry->dev != dump->dev)
			continue;
		/* There is nothing after the last IO address. */
		if (dump->next < entry->dev_addr)
			return NULL;
		return dbg_find_piece(entry, dump->next);
	}
	return NULL;
}

/*
 * Format the next line of this bucket; false if there is none. The names are
 * read under the lock, as the device may go when the entry has gone.
 */
static bool dbg_dump_next(struct dbg_dump *dump, struct device *only)
{
	struct dma_debug_entry *entry = dbg_dump_piece(dump);

	if (entry) {
		dump->next = dbg_last(entry) + 1;
		scnprintf(dump->line, sizeof(dump->line),
			  "%s %s piece P=%pa D=%llx L=%llx %s attrs=%lx %s",
			  dev_driver_string(entry->dev), dev_name(entry->dev),
			  &entry->paddr, entry->dev_addr, entry->size,
			  dma_debug_dir_name(entry->direction), entry->attrs,
			  entry->sync_due ? "not synchronised" :
					    "synchronised");
		return true;
	}

	entry = dbg_dump_reservation(dump, only);
	if (!entry)
		return false;
	dump->addr = entry->dev_addr;
	dump->dev = entry->dev;
	dump->next = entry->dev_addr;
	scnprintf(dump->line, sizeof(dump->line),
		  "%s %s reservation D=%llx L=%llx",
		  dev_driver_string(entry->dev), dev_name(entry->dev),
		  entry->dev_addr, entry->size);
	return true;
}

/*
 * The lock is released after each line, as a reservation may have many pieces.
 */
void debug_dma_iova_dump(struct seq_file *seq, struct device *dev)
{
	unsigned long flags;
	struct dbg_dump dump;
	bool more;
	int i;

	for (i = 0; i < HASH_SIZE(dbg_reservations); i++) {
		dump = (struct dbg_dump){ .bucket = i };
		do {
			spin_lock_irqsave(&dbg_lock, flags);
			more = dbg_dump_next(&dump, dev);
			spin_unlock_irqrestore(&dbg_lock, flags);
			if (more && seq)
				seq_printf(seq, "%s\n", dump.line);
			else if (more)
				pr_info("%s\n", dump.line);
			/* The file is read again, with a larger buffer. */
			if (seq && seq_has_overflowed(seq))
				return;
		} while (more);
	}
}

/* The reservations stay in the account: they may still be given back. */
void debug_dma_iova_unbound(struct device *dev)
{
	struct dma_debug_entry *entry, leaked;
	unsigned long flags;
	int i, count = 0;

	dbg_forgive(dev);
	spin_lock_irqsave(&dbg_lock, flags);
	hash_for_each(dbg_reservations, i, entry, hash) {
		if (entry->dev == dev && !count++)
			leaked = *entry;
	}
	spin_unlock_irqrestore(&dbg_lock, flags);

	if (count)
		dma_debug_report(dev, &leaked,
				 "device driver has reservations while released from device [count=%d] One of them: [device address=0x%016llx] [size=%llu bytes]\n",
				 count, leaked.dev_addr, leaked.size);
}
