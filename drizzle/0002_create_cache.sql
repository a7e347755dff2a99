CREATE UNLOGGED TABLE "cache_entries" (
	"key" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL,
	"tags" text[] NOT NULL,
	"seen" "pg_snapshot" NOT NULL,
	"expires_at" timestamp(3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "cache_tags" (
	"tag" text PRIMARY KEY NOT NULL,
	"changed_by" "xid8" NOT NULL,
	"changed_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "idx_cache_entries_expires_at" ON "cache_entries" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "idx_cache_tags_changed_at" ON "cache_tags" USING btree ("changed_at");